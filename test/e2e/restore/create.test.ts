import assert from "node:assert/strict";
import { mkdir, readFile, readdir, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { inspectVolume, removeVolume, type EngineVolume } from "../../../src/engine/volumes.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { describeTree, differences } from "../../oracle/tree.ts";
import { assertError, packFiles, sidecarOf, writeFiles, writeSidecar } from "../archives.ts";
import { beforeFlush } from "../flawed-helper.ts";
import { Sandbox } from "../harness.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skip } = await testEngine();

const COMPOSE = {
  "com.docker.compose.project": "app",
  "com.docker.compose.version": "2.40.0",
  "com.docker.compose.volume": "data",
  "com.docker.compose.config-hash": "0123",
};

interface Lost {
  readonly volume: TestVolume;
  readonly archive: string;
}

/** A volume that is gone, and its snapshot. */
async function lost(
  sandbox: Sandbox,
  options: Parameters<Sandbox["volume"]>[1] = { labels: COMPOSE },
): Promise<Lost> {
  const volume = await sandbox.volume("data", options);
  await writeFiles(options?.driverOpts?.["device"] ?? volume.folder, { "folder/file": "precious" });
  const { archive } = await sandbox.snapshot(volume.name);
  await removeVolume(sandbox.engine, volume.name);
  return { volume, archive };
}

async function inspected(sandbox: Sandbox, name: string): Promise<EngineVolume | undefined> {
  return inspectVolume(sandbox.engine, name);
}

test("on a new machine one command brings a volume back, with its labels", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { volume, archive } = await lost(sandbox);
  const refused = await sandbox.dockform(["volume", "restore", volume.name, archive]);
  assert.equal(refused.code, 3);
  const [, command = ""] = /^ *dockform (.* --create)$/m.exec(refused.stderr) ?? [];
  assert.match(refused.stderr, / It does not exist\. To create it as the snapshot says/);
  assert.equal(command, `volume restore ${volume.name} ${archive} --create`, refused.stderr);
  const restored = await sandbox.dockform([...command.split(" "), "--json"]);
  assert.equal(restored.code, 0, restored.stderr);
  const report: { created_volume: boolean } = JSON.parse(restored.stdout);
  assert.equal(report.created_volume, true);
  assert.match(restored.stderr, new RegExp(`Created volume "${volume.name}" \\(driver local\\)\n`));
  const made = await inspected(sandbox, volume.name);
  assert.deepEqual(made?.labels, COMPOSE);
  assert.equal(await readFile(join(volume.folder, "folder/file"), "utf8"), "precious");
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("the driver's options come back, and what they point to", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const device = sandbox.path("device");
  await mkdir(device);
  const driverOpts = { type: "none", o: "bind", device };
  const { volume, archive } = await lost(sandbox, { driverOpts });
  const args = ["volume", "restore", volume.name, archive, "--create", "--json"];
  // It holds what it held: the engine removes a volume, and not what is bound.
  const before = await describeTree(device);
  assertError(await sandbox.dockform(args), {
    exitCode: 3,
    message: /is not empty/,
    hint: /--force/,
  });
  assert.deepEqual(differences(before, await describeTree(device)), []);
  assert.equal(await sandbox.volumeExists(volume.name), false);
  const forced = await sandbox.dockform([...args, "--force"]);
  assert.equal(forced.code, 0, forced.stderr);
  assert.deepEqual((await inspected(sandbox, volume.name))?.driverOpts, driverOpts);
});

test(
  "a volume that was created is removed again where its device is full or missing",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const device = sandbox.path("device");
    await writeFiles(device, { "sub/other": "other" });
    const before = await describeTree(device);
    const archive = await packFiles(sandbox.folder, { file: "new" });
    for (const [suffix, folder, exitCode] of [
      ["full", device, 3],
      ["missing", sandbox.path("nowhere"), 1],
    ] as const) {
      const name = sandbox.name(suffix);
      const driverOpts = { type: "none", o: "bind", device: folder };
      await writeSidecar(archive, { volume_name: name, driver_opts: driverOpts });
      const args = ["volume", "restore", name, archive, "--create"];
      const { code, stderr } = await sandbox.dockform(args);
      assert.equal(code, exitCode, stderr);
      assert.match(stderr, /Removed volume "\S+" again; nothing on its device was touched\n/);
      assert.doesNotMatch(stderr, /stays/);
      assert.equal(await sandbox.volumeExists(name), false);
    }
    assert.deepEqual(differences(before, await describeTree(device)), []);
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test(
  "a volume that the engine creates over files it had stays, and that is said",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { volume, archive } = await lost(sandbox);
    await writeFiles(volume.folder, { other: "other" });
    const args = ["volume", "restore", volume.name, archive, "--create"];
    const { code, stderr } = await sandbox.dockform(args);
    assert.equal(code, 3, stderr);
    const said = `warning: volume "${volume.name}" was created for this restore and stays: it holds files that were there before. If you do not want it: docker volume rm ${volume.name}`;
    assert.ok(stderr.includes(said), stderr);
    assert.equal(await readFile(join(volume.folder, "other"), "utf8"), "other");
  },
);

test("a dry run creates nothing, and nor does what is refused or damaged", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { volume, archive } = await lost(sandbox);
  const restore = (...words: readonly string[]): ReturnType<Sandbox["dockform"]> =>
    sandbox.dockform(["volume", "restore", ...words, "--create", "--json"]);
  const dry = await restore(volume.name, archive, "--dry-run");
  assert.equal(dry.code, 0, dry.stderr);
  const report: { created_volume: boolean; entry_count: number } = JSON.parse(dry.stdout);
  assert.deepEqual([report.created_volume, report.entry_count], [true, 3]);
  const other = sandbox.name("mistyped");
  assertError(await restore(other, archive), {
    exitCode: 3,
    message: /is a snapshot of volume/,
    hint: /--from-volume/,
  });
  await truncate(archive, 100);
  assertError(await restore(volume.name, archive), {
    exitCode: 4,
    message: /checksum mismatch/,
    hint: /another snapshot/,
  });
  for (const name of [volume.name, other]) assert.equal(await sandbox.volumeExists(name), false);
});

test("a volume that was created is removed again where the restore fails", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { volume, archive } = await lost(sandbox);
  const main = await sandbox.flawed(beforeFlush("exit 1"));
  const args = ["volume", "restore", volume.name, archive, "--create"];
  const { code, stderr } = await sandbox.dockform(args, { main });
  assert.equal(code, 1, stderr);
  assert.match(stderr, new RegExp(`Removed volume "${volume.name}" again, which holds nothing\n`));
  assert.equal(await sandbox.volumeExists(volume.name), false);
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("a volume whose device was written to stays where the restore fails", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const device = sandbox.path("device");
  await mkdir(device);
  const driverOpts = { type: "none", o: "bind", device };
  const { volume, archive } = await lost(sandbox, { driverOpts });
  const before = await describeTree(device);
  const main = await sandbox.flawed(beforeFlush("exit 1"));
  const args = ["volume", "restore", volume.name, archive, "--create", "--force"];
  const { code, stderr } = await sandbox.dockform(args, { main });
  assert.equal(code, 1, stderr);
  assert.match(stderr, /was created for this restore and stays: it holds files\. /);
  assert.equal(await sandbox.volumeExists(volume.name), true);
  assert.deepEqual(differences(before, await describeTree(device)), []);
});

test("without a sidecar a plain volume is created", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { volume, archive } = await lost(sandbox);
  await rm(sidecarOf(archive));
  const args = ["volume", "restore", volume.name, archive, "--create"];
  const { code, stderr } = await sandbox.dockform(args);
  assert.equal(code, 0, stderr);
  const made = await inspected(sandbox, volume.name);
  assert.deepEqual([made?.driver, made?.driverOpts, made?.labels], ["local", {}, {}]);
});

test("a declared volume is created with the labels of both, or not at all", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { volume, archive } = await lost(sandbox);
  const declare = (spec: Readonly<Record<string, unknown>>): Promise<void> =>
    sandbox.manifest({ identifier: "mine", volumes: { [volume.name]: spec } });
  const args = ["volume", "restore", volume.name, archive, "--create", "--json"];
  await declare({ driver_opts: { type: "tmpfs", device: "tmpfs" } });
  assertError(await sandbox.dockform(args), {
    exitCode: 3,
    message:
      /declares volume \S+ differently from .*: option device: not set there, "tmpfs" here; option type: not set there, "tmpfs" here$/,
    hint: /dockform apply/,
  });
  assert.equal(await sandbox.volumeExists(volume.name), false);
  await declare({ labels: { tier: "db", "com.docker.compose.project": "declared" } });
  const restored = await sandbox.dockform(args);
  assert.equal(restored.code, 0, restored.stderr);
  assert.deepEqual((await inspected(sandbox, volume.name))?.labels, {
    ...COMPOSE,
    tier: "db",
    "com.docker.compose.project": "declared",
    "io.dockform.identifier": "mine",
  });
});

test(
  "a copy under another name belongs to no project and does not lead to the original",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const labels = { ...COMPOSE, "io.dockform.identifier": "mine", tier: "db" };
    const { volume, archive } = await lost(sandbox, { labels });
    const copy = sandbox.name("copy");
    const args = ["volume", "restore", copy, archive, "--from-volume", volume.name, "--create"];
    const restored = await sandbox.dockform(args);
    assert.equal(restored.code, 0, restored.stderr);
    assert.deepEqual((await inspected(sandbox, copy))?.labels, { tier: "db" });

    const device = sandbox.path("device");
    await writeFiles(device, { file: "original" });
    const bound = await packFiles(sandbox.folder, { file: "new" });
    await writeSidecar(bound, { driver_opts: { type: "none", o: "bind", device } });
    const second = sandbox.name("second");
    const flags = ["--from-volume", "somewhere", "--create", "--force", "--json"];
    assertError(await sandbox.dockform(["volume", "restore", second, bound, ...flags]), {
      exitCode: 3,
      message: `with the options of volume "somewhere", volume "${second}" would lead to the same contents`,
      hint: /docker volume create/,
    });
    assert.equal(await sandbox.volumeExists(second), false);
    assert.equal(await readFile(join(device, "file"), "utf8"), "original");
  },
);

test("--create on a volume that exists is a restore like any other", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const volume = await sandbox.volume("data");
  await writeFiles(volume.folder, { file: "old" });
  const { archive } = await sandbox.snapshot(volume.name);
  const args = ["volume", "restore", volume.name, archive, "--create", "--json"];
  const undeclared = {
    exitCode: 3,
    message: /there is no manifest, so volume .* is not empty$/,
    hint: /--undeclared --force$/,
  };
  assertError(await sandbox.dockform(args), undeclared);
  const full = { exitCode: 3, message: /is not empty/, hint: /--force/ };
  assertError(await sandbox.dockform([...args, "--undeclared"]), full);
  assert.deepEqual(await readdir(volume.folder), ["file"]);
});

test(
  "of two that create one volume at once, one restores and nothing is lost",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { volume, archive } = await lost(sandbox);
    const args = ["volume", "restore", volume.name, archive, "--create"];
    const results = await Promise.all([sandbox.dockform(args), sandbox.dockform(args)]);
    const codes = results.map(({ code }) => code ?? -1).toSorted((a, b) => a - b);
    assert.equal(codes[0], 0, JSON.stringify(results));
    assert.equal(codes[1], 3, JSON.stringify(results));
    assert.equal(await readFile(join(volume.folder, "folder/file"), "utf8"), "precious");
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);
