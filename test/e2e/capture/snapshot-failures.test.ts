import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { listVolumes } from "../../../src/engine/volumes.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { run } from "../../oracle/host.ts";
import { assertError, writeFiles } from "../archives.ts";
import { EngineProxy } from "../engine-proxy.ts";
import { FileSystem } from "../file-system.ts";
import { Sandbox } from "../harness.ts";
import { UNSEEN_TMPDIR, type CliOptions } from "../program.ts";
import { until, type CliProcess } from "../cli-process.ts";

const { host, skip, skipUnlessPrivate } = await testEngine();

/** Enough that a snapshot is under way for a while, and nothing that compresses. */
const LARGE_BYTES = 96 << 20;

/** Mounts a small file system at ./out for the CLI alone, and lists its files at the end. */
function withSmallOutput(mountOptions: string): CliOptions {
  const script = `
    mount -t tmpfs -o "$0" tmpfs out && { "$@"; code=$?; find out -type f >left; exit $code; }`;
  return { under: ["unshare", "--mount", "sh", "-c", script, mountOptions] };
}

/** Starts a snapshot of much data and waits until some of it has been stored. */
async function startLargeSnapshot(
  sandbox: Sandbox,
  options: CliOptions = {},
): Promise<{ readonly snapshot: CliProcess; readonly folder: string }> {
  const from = await sandbox.volume("from");
  await writeFiles(from.folder, { large: randomBytes(LARGE_BYTES) });
  const folder = sandbox.path(".dockform/snapshots", from.name);
  const snapshot = sandbox.start(["volume", "snapshot", from.name, "--json"], options);
  await snapshot.until("data arrives", async () => {
    const [file] = await readdir(folder).catch(() => []);
    return file !== undefined && (await stat(join(folder, file))).size > 0;
  });
  return { snapshot, folder };
}

test("a volume that does not exist is an error and is not created", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const name = sandbox.name("mistyped");
  await sandbox.declare(name);
  const result = await sandbox.dockform(["volume", "snapshot", name, "--json"]);
  assertError(result, {
    exitCode: 1,
    message: new RegExp(`^volume "${name}" not found in Docker context "default"`),
    hint: /volume list/,
  });
  assert.equal(await sandbox.volumeExists(name), false);
  assert.deepEqual(await readdir(sandbox.folder), ["dockform.yml", "tmp"]);
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("an engine that does not tell its id fails before any data is read", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { name } = await sandbox.volume("from");
  await sandbox.snapshot(name);
  await using proxy = await EngineProxy.open(host, sandbox.path("proxy.sock"));
  proxy.failing.push({ method: "GET", path: "/info" });
  const main = await sandbox.flawed("archive() { exit 1; }");
  const result = await sandbox.dockform(["volume", "snapshot", name, "--json"], {
    main,
    env: { DOCKER_HOST: proxy.host },
  });
  assert.match(result.stdout, /the engine answered/);
  assert.doesNotMatch(result.stderr, /cannot read volume/);
  assert.equal(result.code, 1);
});

test("a tar whose end nobody saw has not succeeded", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { name } = await sandbox.volume("from");
  const main = await sandbox.flawed(
    `tar() { command tar "$@"; set -- $? " $* "; case $2 in *' --totals '*) exit ;; esac; return "$1"; }`,
  );
  const result = await sandbox.dockform(["volume", "snapshot", name], { main });
  assert.match(result.stderr, /cannot read volume .*: tar ended with status 2\n/);
  assert.equal(result.code, 1);
});

test("one of several volumes that fails does not keep the others", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const volumes = [await sandbox.volume("a"), await sandbox.volume("b")];
  const names = volumes.map(({ name }) => name);
  const [first = "", second = ""] = names;
  const missing = sandbox.name("missing");
  const args = ["volume", "snapshot", first, missing, second];
  const { code, stdout, stderr } = await sandbox.dockform([...args, "--json"]);
  assert.equal(code, 1, stderr);
  assert.ok(stderr.includes(`error: volume "${missing}" not found`), stderr);
  const { snapshots }: { snapshots: { volume: string; archive: string }[] } = JSON.parse(stdout);
  assert.deepEqual(snapshots.map(({ volume }) => volume).toSorted(), names.toSorted());
  for (const { archive } of snapshots) assert.ok((await stat(archive)).size > 0);
  assert.equal(await sandbox.volumeExists(missing), false);

  const none = await sandbox.dockform(["volume", "snapshot", missing, `${missing}2`, "--json"]);
  assert.equal(none.code, 1, none.stderr);
  const { failures }: { failures: { error: { message: string; hint: string } }[] } = JSON.parse(
    none.stdout,
  );
  assert.equal(failures.length, 2);
  for (const {
    error: { message, hint },
  } of failures) {
    assert.match(message, /not found/);
    assert.match(hint, /volume list/);
  }
});

test("a full disk leaves no file and is named", { skip: skipUnlessPrivate }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  await writeFiles(from.folder, { large: randomBytes(8 << 20) });
  await run("mkdir", [sandbox.path("out")]);
  const args = ["volume", "snapshot", from.name, "-o", "out", "--json"];
  const result = await sandbox.dockform(args, withSmallOutput("size=4m"));
  assertError(result, {
    exitCode: 1,
    message: /^cannot write \S+\.tar\.zst: the disk is full$/,
    hint: /No snapshot was written\. Make room/,
  });
  assert.equal(await readFile(sandbox.path("left"), "utf8"), "");
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test(
  "a disk that gets full with the sidecar leaves no file and is named",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const from = await sandbox.volume("from");
    await run("mkdir", [sandbox.path("out")]);
    const args = ["volume", "snapshot", from.name, "-o", "out", "--json"];
    // Room for the root, the volume's folder and the data.
    const result = await sandbox.dockform(args, withSmallOutput("nr_inodes=3"));
    assertError(result, {
      exitCode: 1,
      message: /^cannot write \S+: the disk is full$/,
      hint: /No snapshot was written/,
    });
    assert.equal(await readFile(sandbox.path("left"), "utf8"), "");
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test("a folder that cannot be written to is named", { skip: skipUnlessPrivate }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  await writeFile(sandbox.path("file"), "");
  const underFile = ["volume", "snapshot", from.name, "-o", "file/snapshots", "--json"];
  assertError(await sandbox.dockform(underFile), {
    exitCode: 1,
    message: new RegExp(`^cannot write to ${sandbox.path("file/snapshots")}`),
    hint: /--store/,
  });
  await run("mkdir", [sandbox.path("out")]);
  const readOnly = ["volume", "snapshot", from.name, "-o", "out", "--json"];
  assertError(await sandbox.dockform(readOnly, withSmallOutput("ro")), {
    exitCode: 1,
    message: new RegExp(`^cannot write to ${sandbox.path("out")}.*read-only`),
    hint: /--store/,
  });
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("a file that cannot be read is a failure", { skip: skipUnlessPrivate }, async () => {
  await using fs = await FileSystem.create({ bytes: 32 << 20 });
  await using sandbox = await Sandbox.create(host);
  await fs.makeUnreadable("bad");
  await writeFiles(fs.folder, { good: "good" });
  const from = await sandbox.volume("from", { driverOpts: fs.driverOpts });
  const result = await sandbox.dockform(["volume", "snapshot", from.name, "--json"]);
  assertError(result, {
    exitCode: 1,
    message: new RegExp(`^cannot read volume "${from.name}": bad: .*`),
    hint: /No snapshot was written/,
  });
  assert.deepEqual(await readdir(sandbox.path(".dockform/snapshots", from.name)), []);
  assert.deepEqual(await sandbox.leftBehind(), []);
});

for (const [kind, options] of [
  ["pipe", {}],
  ["exec", UNSEEN_TMPDIR],
] as const) {
  test(`a helper that dies leaves no file, by ${kind}`, { skip: skipUnlessPrivate }, async () => {
    await using sandbox = await Sandbox.create(host);
    const { snapshot, folder } = await startLargeSnapshot(sandbox, options);
    await sandbox.killHelpers(snapshot);
    assertError(await snapshot.ended, {
      exitCode: 1,
      message: /^the helper container ended unexpectedly/,
      hint: /run the command again/,
    });
    assert.deepEqual(await readdir(folder), []);
    assert.deepEqual(await sandbox.leftBehind(), []);
  });
}

for (const [signal, kind, options] of [
  ["SIGINT", "pipe", {}],
  ["SIGINT", "exec", UNSEEN_TMPDIR],
  ["SIGTERM", "pipe", {}],
] as const) {
  test(
    `a snapshot by ${kind} that is ended by ${signal} leaves no file and no container`,
    { skip: skipUnlessPrivate },
    async () => {
      await using sandbox = await Sandbox.create(host);
      const { snapshot, folder } = await startLargeSnapshot(sandbox, options);
      await snapshot.whileStopped(() => snapshot.signal(signal));
      assertError(await snapshot.ended, { exitCode: 130, message: /^interrupted/, hint: null });
      assert.deepEqual(await readdir(folder), []);
      assert.deepEqual(await sandbox.leftBehind(), []);
    },
  );
}

test(
  "after kill -9 nothing is left on the engine, and nothing like a snapshot",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { snapshot, folder } = await startLargeSnapshot(sandbox);
    const before = await volumeNames(sandbox);
    snapshot.signal("SIGKILL");
    await snapshot.ended;
    await until("the helper is gone", async () => (await sandbox.helpers()).length === 0);
    assert.deepEqual(await volumeNames(sandbox), before);
    const left = await readdir(folder);
    assert.deepEqual(
      left.filter((name) => !name.startsWith(".") || /\.(?:tar|zst|json)$/.test(name)),
      [],
    );
    const listed = await sandbox.dockform(["volume", "list", "--json"]);
    const { volumes }: { volumes: { volume: string; newest_snapshot: unknown }[] } = JSON.parse(
      listed.stdout,
    );
    const mine = volumes.filter(({ volume }) => volume.startsWith(sandbox.prefix));
    assert.deepEqual(
      mine.map(({ newest_snapshot: newest }) => newest),
      [null],
    );
  },
);

/** Anonymous volumes are named by 64 hex digits. */
async function volumeNames(sandbox: Sandbox): Promise<readonly string[]> {
  const all = await listVolumes(sandbox.engine);
  return all.map(({ name }) => name).filter((name) => /^[0-9a-f]{64}$/.test(name));
}
