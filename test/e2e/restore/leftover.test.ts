/** What an operation replaced, and cannot remove. */
import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { attempt, run } from "../../oracle/host.ts";
import { packFiles, writeFiles } from "../archives.ts";
import { FileSystem, SMALLEST_BYTES } from "../file-system.ts";
import { Sandbox } from "../harness.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

const FLAGS = ["--undeclared", "--force", "--stop-containers", "--health-timeout", "0"];
const SBIN = { env: { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` } };

/** Follows the advice that `doctor`, `volume list` and the restore itself give. */
async function follow(sandbox: Sandbox, { name, folder }: TestVolume, said: string): Promise<void> {
  const { stdout } = await sandbox.dockform(["doctor", "--json"]);
  const { checks }: { checks: { check: string; found: string; advice: string }[] } =
    JSON.parse(stdout);
  const check = checks.find((each) => each.check === `volume ${name}`);
  assert.match(check?.found ?? "", /\.dockform-trash-[0-9a-f]{12} could not be removed/);
  const advice = check?.advice ?? "";
  const list = await sandbox.dockform(["volume", "list"]);
  assert.ok(list.stderr.includes(advice), list.stderr);
  assert.ok(said.includes(advice), said);
  const command = /container that uses the volume runs: (.*)\. Then run/.exec(advice)?.[1];
  assert.ok(command, advice);
  await run("sh", ["-c", command], SBIN);
  const recovery = await sandbox.dockform(["volume", "recover", name]);
  assert.equal(recovery.code, 0, recovery.stderr);
  assert.equal(recovery.stderr, "");
  assert.deepEqual(await readdir(folder), ["file"]);
  assert.deepEqual(await sandbox.leftBehind(), []);
  const again = await sandbox.dockform(["doctor"]);
  assert.doesNotMatch(again.stdout, new RegExp(`volume ${name}`));
}

test("read-only Btrfs subvolumes in the old contents", { skip }, async () => {
  await using disk = await FileSystem.create({ type: "btrfs", bytes: SMALLEST_BYTES.btrfs });
  await using sandbox = await Sandbox.create(host);
  const folder = join(disk.folder, "it's a volume");
  await mkdir(folder);
  const driverOpts = { type: "none", o: "bind", device: folder };
  const { name } = await sandbox.volume("into", { driverOpts });
  await mkdir(join(folder, "snapshots"));
  for (const subvolume of ["snapshots/one", "snapshots/other one"]) {
    const path = join(folder, subvolume);
    await run("btrfs", ["subvolume", "create", path]);
    await writeFile(join(path, "file"), "old");
    await run("btrfs", ["property", "set", "-ts", path, "ro", "true"]);
  }
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const { stderr } = await sandbox.restore(name, archive, FLAGS);
  assert.match(stderr, /cannot remove the old contents.*Read-only file system/);
  const failed = await sandbox.dockform(["volume", "recover", name]);
  assert.match(failed.stderr, /Read-only file system.*btrfs property set/);
  await follow(sandbox, { name, folder }, stderr);
});

test("immutable and append-only files in the old contents", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { "old/immutable": "old", "old/append-only": "old" });
  await run("chattr", ["+i", join(into.folder, "old/immutable")]);
  await run("chattr", ["+a", join(into.folder, "old/append-only")]);
  const archive = await packFiles(sandbox.folder, { file: "new" });
  try {
    const { stderr } = await sandbox.restore(into.name, archive, FLAGS);
    assert.match(stderr, /cannot remove the old contents.*not permitted/);
    await follow(sandbox, into, stderr);
  } finally {
    await attempt("chattr", ["-R", "-i", "-a", into.folder]);
  }
});
