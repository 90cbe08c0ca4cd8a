import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { inspectContainer } from "../../../src/engine/containers.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { assertError, packFiles, writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import type { CliResult } from "../cli-process.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

/** Ends as soon as it sees that the data is bad, and says so. */
const PICKY =
  "if [ -e /data/bad ]; then echo starting; echo cannot use this data >&2; exit 7; fi; read line";

const EVERY_100_MS = { Interval: 1e8, Timeout: 1e9, Retries: 2 };

interface Setting {
  readonly sandbox: Sandbox;
  readonly into: TestVolume;
  readonly good: string;
  readonly bad: string;
}

async function setUp(sandbox: Sandbox): Promise<Setting> {
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { old: "old" });
  await sandbox.declare(into.name);
  return {
    sandbox,
    into,
    good: await packFiles(sandbox.folder, { good: "new" }),
    bad: await packFiles(sandbox.folder, { bad: "new" }),
  };
}

async function restore(
  { sandbox, into }: Setting,
  archive: string,
  ...args: readonly string[]
): Promise<CliResult> {
  const flags = ["--force", "--stop-containers", "--json", ...args];
  return sandbox.dockform(["volume", "restore", into.name, archive, ...flags]);
}

test("a container that ends on the new contents gets the old ones back", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const { into } = setting;
  const picky = await sandbox.running("picky", await sandbox.waiting(into.name, { Cmd: [PICKY] }));
  const before = await sandbox.evidence(into.folder);
  const result = await restore(setting, setting.bad);
  assertError(result, {
    exitCode: 1,
    message: `not healthy on the new contents: ${picky.name}: exited with code 7`,
    hint: /^The old contents are in place again, and the containers run on them\./,
  });
  // Of two streams, which one comes first in the log is chance.
  for (const line of [/\| starting$/m, /\| cannot use this data$/m]) {
    assert.match(result.stderr, line);
  }
  assert.deepEqual(await sandbox.evidence(into.folder), before);
  assert.equal(await sandbox.state(picky.id), "running");
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("without time for its health a container is started, and that is all", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  await sandbox.running("picky", await sandbox.waiting(setting.into.name, { Cmd: [PICKY] }));
  const { code, stderr } = await restore(setting, setting.bad, "--health-timeout", "0");
  assert.equal(code, 0, stderr);
  assert.deepEqual(await readdir(setting.into.folder), ["bad"]);
});

test("a health check decides where there is one", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const { into } = setting;
  const checked = await sandbox.running(
    "checked",
    await sandbox.waiting(into.name, {
      Healthcheck: {
        Test: ["CMD", "sh", "-c", "if [ -e /data/bad ]; then echo sick; exit 1; fi"],
        ...EVERY_100_MS,
      },
    }),
  );
  const good = await restore(setting, setting.good);
  assert.equal(good.code, 0, good.stderr);
  assert.deepEqual(await readdir(into.folder), ["good"]);
  assertError(await restore(setting, setting.bad), {
    exitCode: 1,
    message: `not healthy on the new contents: ${checked.name}: unhealthy (sick)`,
    hint: /old contents are in place again/,
  });
  assert.deepEqual(await readdir(into.folder), ["good"]);
  assert.equal(await sandbox.state(checked.id), "running");
});

test(
  "a health check that does not come to an end is waited for no longer than said",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const setting = await setUp(sandbox);
    const slow = await sandbox.running(
      "slow",
      await sandbox.waiting(setting.into.name, {
        Healthcheck: { Test: ["CMD", "sh", "-c", "exit 1"], ...EVERY_100_MS, Retries: 10_000 },
      }),
    );
    assertError(await restore(setting, setting.good, "--health-timeout", "1"), {
      exitCode: 1,
      message: `not healthy on the new contents: ${slow.name}: not healthy yet after 1 s`,
      hint: /Raise --health-timeout to wait longer/,
    });
    assert.deepEqual(await readdir(setting.into.folder), ["old"]);
  },
);

test("new contents that are not wanted are kept when that is asked for", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const { into } = setting;
  await sandbox.running("picky", await sandbox.waiting(into.name, { Cmd: [PICKY] }));
  const { code } = await restore(setting, setting.bad, "--keep-failed");
  assert.equal(code, 1);
  assert.equal(await readFile(join(into.folder, "old"), "utf8"), "old");
  assert.equal(await readFile(join(into.folder, ".dockform-kept/contents/bad"), "utf8"), "new");
  assertError(await restore(setting, setting.bad, "--keep-failed"), {
    exitCode: 3,
    message: /keeps contents since .*, which would be removed if the new ones fail/,
    hint: /volume undo .* --discard-kept/,
  });
});

test("a container that restarts until all is there is well in the end", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const { into } = setting;
  const patient = await sandbox.running(
    "patient",
    await sandbox.waiting(into.name, {
      Cmd: [
        "if [ -e /data/good ] && ! [ -e /data/seen ]; then : >/data/seen; exit 1; fi; read line",
      ],
      hostConfig: {
        RestartPolicy: { Name: "always" },
        Mounts: [{ Type: "volume", Source: into.name, Target: "/data" }],
      },
    }),
  );
  const { code, stderr } = await restore(setting, setting.good);
  assert.equal(code, 0, stderr);
  const { RestartCount, HostConfig } = await inspectContainer(sandbox.engine, patient.id);
  assert.equal(RestartCount, 1);
  assert.equal(HostConfig.RestartPolicy.Name, "always");
});

test("Ctrl-C while containers are watched takes the restore back", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const { into, good } = setting;
  const user = await sandbox.running("user", await sandbox.waiting(into.name));
  const before = await sandbox.evidence(into.folder);
  const flags = ["--force", "--stop-containers", "--json"];
  const process = sandbox.start(["volume", "restore", into.name, good, ...flags]);
  await process.said(`Watching ${user.name}`);
  process.signal("SIGINT");
  assertError(await process.ended, { exitCode: 130, message: /^interrupted/, hint: null });
  assert.deepEqual(await sandbox.evidence(into.folder), before);
  assert.equal(await sandbox.state(user.id), "running");
  assert.deepEqual(await sandbox.leftBehind(), []);
});
