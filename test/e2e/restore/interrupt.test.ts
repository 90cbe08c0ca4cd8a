import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { open, readdir, readlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { pauseContainer } from "../../../src/engine/containers.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { exists } from "../../oracle/host.ts";
import { assertError, packFiles, writeFiles, writeSidecar } from "../archives.ts";
import type { CliProcess } from "../cli-process.ts";
import { assertUntouched } from "../evidence.ts";
import { Sandbox } from "../harness.ts";
import { UNSEEN_TMPDIR, type CliOptions } from "../program.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skipUnlessPrivate } = await testEngine();
const skip = skipUnlessPrivate;

const INTERRUPTED = { exitCode: 130, message: /^interrupted/, hint: null };

interface Setting {
  readonly sandbox: Sandbox;
  readonly into: TestVolume;
  readonly start: (archive: string, options?: CliOptions) => CliProcess;
  /** Nothing may be changed, and nothing left. */
  readonly isUntouched: () => Promise<void>;
}

/** A volume with old data, used by a running and a paused container. */
async function setUp(sandbox: Sandbox): Promise<Setting> {
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { "old/file": "old", other: "old" });
  await sandbox.declare(into.name);
  const running = await sandbox.running("running", await sandbox.waiting(into.name));
  const paused = await sandbox.running("paused", await sandbox.waiting(into.name));
  await pauseContainer(sandbox.engine, paused.id);
  const ids = [running.id, paused.id];
  const before = await sandbox.evidence(into.folder, ids);
  const flags = ["--force", "--stop-containers", "--json", "-v"];
  return {
    sandbox,
    into,
    start: (archive, options) =>
      sandbox.start(["volume", "restore", into.name, archive, ...flags], options),
    isUntouched: async () => {
      assertUntouched(before, await sandbox.evidence(into.folder, ids));
      assert.deepEqual(await sandbox.leftBehind(), []);
    },
  };
}

/** Ctrl-C at a moment that is held until the signal has been sent. */
async function interrupt(process: CliProcess): Promise<void> {
  await process.whileStopped(() => process.signal("SIGINT"));
}

async function opens(process: CliProcess, path: string): Promise<boolean> {
  const folder = `/proc/${process.pid}/fd`;
  const descriptors = await readdir(folder).catch(() => []);
  const files = await Promise.all(
    descriptors.map((fd) => readlink(join(folder, fd)).catch(() => "")),
  );
  return files.includes(path);
}

test("Ctrl-C while the checksum is computed changes nothing", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  // It takes no room on the disk, but seconds to read.
  const archive = sandbox.path("large.tar");
  await (await open(archive, "w")).close();
  await writeSidecar(archive, { volume_name: setting.into.name });
  await truncate(archive, 20 * 2 ** 30);
  const restore = setting.start(archive);
  await restore.until("the archive is open", () => opens(restore, archive));
  await interrupt(restore);
  assertError(await restore.ended, INTERRUPTED);
  await setting.isUntouched();
});

test("Ctrl-C while an archive without sidecar is read changes nothing", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const archive = await packFiles(sandbox.folder, { large: randomBytes(96 << 20) });
  const restore = setting.start(archive);
  await restore.said("data goes by");
  await interrupt(restore);
  assertError(await restore.ended, INTERRUPTED);
  await setting.isUntouched();
});

for (const [kind, options] of [
  ["pipe", {}],
  ["exec", UNSEEN_TMPDIR],
] as const) {
  test(`Ctrl-C during extraction keeps the old data, by ${kind}`, { skip }, async () => {
    await using sandbox = await Sandbox.create(host);
    const setting = await setUp(sandbox);
    const { folder } = setting.into;
    // Many small files besides: taking them away takes a while.
    const names = Array.from({ length: 400 }, (_, i) => `a-folder/${i}`);
    const files = Object.fromEntries(names.map((name) => [name, "x"]));
    const archive = await packFiles(sandbox.folder, { ...files, large: randomBytes(64 << 20) });
    await writeSidecar(archive, {
      volume_name: setting.into.name,
      uncompressed_bytes: 65 << 20,
      file_count: 401,
    });
    const restore = setting.start(archive, options);
    await restore.until("the large file is extracted", async () => {
      const staging = (await readdir(folder)).find((name) => name.startsWith(".dockform-"));
      if (staging === undefined) return false;
      return exists(join(folder, staging, "new.partial/contents/large"));
    });
    await interrupt(restore);
    const result = await restore.ended;
    assert.match(result.stderr, new RegExp(`data goes by ${kind}`));
    assert.equal(result.stderr.includes("warning: cannot"), false, result.stderr);
    assertError(result, INTERRUPTED);
    await setting.isUntouched();
  });
}

test(
  "Ctrl-C while containers are stopped starts them again on the old data",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const setting = await setUp(sandbox);
    const { into } = setting;
    const slow = await sandbox.running(
      "slow",
      await sandbox.waiting(into.name, { StopSignal: "SIGTERM", StopTimeout: 3 }),
    );
    const before = await sandbox.evidence(into.folder);
    const restore = setting.start(await packFiles(sandbox.folder, { file: "new" }));
    await restore.said(`Stopping ${slow.name}`);
    await interrupt(restore);
    assertError(await restore.ended, INTERRUPTED);
    assertUntouched(before, await sandbox.evidence(into.folder));
    assert.equal(await sandbox.state(slow.id), "running");
    for (const [suffix, state] of [
      ["running", "running"],
      ["paused", "paused"],
    ] as const) {
      assert.equal(await sandbox.state(`${sandbox.prefix}-${suffix}`), state);
    }
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test("another signal does not cut the cleaning up short", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const slow = await sandbox.running(
    "slow",
    await sandbox.waiting(setting.into.name, { StopSignal: "SIGTERM", StopTimeout: 3 }),
  );
  const before = await sandbox.evidence(setting.into.folder);
  const restore = setting.start(await packFiles(sandbox.folder, { file: "new" }));
  await restore.said(`Stopping ${slow.name}`);
  await interrupt(restore);
  await restore.said("Interrupted");
  for (const signal of ["SIGTERM", "SIGHUP"] as const) restore.signal(signal);
  assertError(await restore.ended, INTERRUPTED);
  assertUntouched(before, await sandbox.evidence(setting.into.folder));
  assert.equal(await sandbox.state(slow.id), "running");
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("a second Ctrl-C ends at once, and recover does what it says", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const slow = await sandbox.running(
    "slow",
    await sandbox.waiting(setting.into.name, { StopSignal: "SIGTERM", StopTimeout: 5 }),
  );
  const before = await sandbox.evidence(setting.into.folder);
  const restore = setting.start(await packFiles(sandbox.folder, { file: "new" }));
  await restore.said(`Stopping ${slow.name}`);
  await interrupt(restore);
  await restore.said("Interrupted");
  await setTimeout(1500);
  restore.signal("SIGINT");
  assertError(await restore.ended, {
    exitCode: 130,
    message: /^interrupted, and ended at once: the old contents are in place$/,
    hint: /^`dockform volume recover` starts the containers again\.$/,
  });
  const recovered = await sandbox.start(["volume", "recover", setting.into.name]).ended;
  assert.equal(recovered.code, 0, recovered.stderr);
  assertUntouched(before, await sandbox.evidence(setting.into.folder));
  assert.equal(await sandbox.state(slow.id), "running");
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("Ctrl-C in a snapshot of several volumes leaves what is complete", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const small = await sandbox.volume("small");
  const large = await sandbox.volume("large");
  await writeFile(join(large.folder, "large"), randomBytes(96 << 20));
  const root = sandbox.path(".dockform/snapshots");
  const snapshot = sandbox.start(["volume", "snapshot", small.name, large.name, "--level", "12"]);
  const files = async (volume: TestVolume): Promise<readonly string[]> =>
    readdir(join(root, volume.name)).catch(() => []);
  await snapshot.until("the small one is complete", async () =>
    (await files(small)).some((name) => name.endsWith(".json") && !name.startsWith(".")),
  );
  await interrupt(snapshot);
  assert.equal((await snapshot.ended).code, 130);
  assert.equal((await files(small)).length, 2);
  assert.deepEqual(await files(large), []);
  assert.deepEqual(await sandbox.leftBehind(), []);
});
