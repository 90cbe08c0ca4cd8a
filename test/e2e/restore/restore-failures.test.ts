import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, readFile, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { exists, run } from "../../oracle/host.ts";
import { describeTree } from "../../oracle/tree.ts";
import { assertError, packFiles, packFolder, writeFiles, writeSidecar } from "../archives.ts";
import { FileSystem } from "../file-system.ts";
import { assertUntouched } from "../evidence.ts";
import { Sandbox } from "../harness.ts";
import { UNSEEN_TMPDIR, type CliOptions } from "../program.ts";
import type { CliProcess } from "../cli-process.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skip, skipUnlessPrivate } = await testEngine();

const OLD_DATA = "The old contents are in place.";

/** A declared volume with old data and a container that uses it. */
async function setUp(
  sandbox: Sandbox,
): Promise<{ readonly into: TestVolume; readonly user: { id: string; name: string } }> {
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { "old/file": "old", other: "old" });
  await sandbox.declare(into.name);
  return { into, user: await sandbox.running("user", await sandbox.waiting(into.name)) };
}

function restoreArgs(volume: string, archive: string): readonly string[] {
  const flags = ["--force", "--stop-containers", "--health-timeout", "0", "--json"];
  return ["volume", "restore", volume, archive, ...flags];
}

/** Starts a restore of much data and waits until some of it has been extracted. */
async function startLargeRestore(
  sandbox: Sandbox,
  into: TestVolume,
  options: CliOptions = {},
): Promise<CliProcess> {
  const archive = await packFiles(sandbox.folder, { a: "a", large: randomBytes(96 << 20) });
  await writeSidecar(archive, {
    volume_name: into.name,
    uncompressed_bytes: 97 << 20,
    file_count: 2,
  });
  const restore = sandbox.start(restoreArgs(into.name, archive), options);
  await restore.until("data is extracted", async () => {
    const staging = (await readdir(into.folder)).find((name) => name.startsWith(".dockform-"));
    if (staging === undefined) return false;
    return exists(join(into.folder, staging, "new.partial/contents/large"));
  });
  return restore;
}

test(
  "a file system that gets full during extraction keeps the old data",
  { skip: skipUnlessPrivate },
  async () => {
    await using fs = await FileSystem.create({ bytes: 8 << 20, inodes: 4096 });
    await using sandbox = await Sandbox.create(host);
    await writeFiles(fs.folder, { "old/file": "old", other: randomBytes(3 << 20) });
    const into = await sandbox.volume("into", { driverOpts: fs.driverOpts });
    await sandbox.declare(into.name);
    const user = await sandbox.running("user", await sandbox.waiting(into.name));
    // Each takes a block of 4,096 bytes, but only two of 512 in the archive.
    const files = Object.fromEntries(Array.from({ length: 1800 }, (_, i) => [`f${i}`, "x"]));
    const archive = await packFiles(sandbox.folder, files);
    const before = await sandbox.evidence(fs.folder, [user.id]);
    for (const sidecar of [false, true]) {
      if (sidecar) await writeSidecar(archive, { volume_name: into.name, file_count: 1800 });
      assertError(await sandbox.dockform(restoreArgs(into.name, archive)), {
        exitCode: 1,
        message: /^cannot extract \S+: .*No space left on device/,
        hint: OLD_DATA,
      });
      assertUntouched(before, await sandbox.evidence(fs.folder, [user.id]));
    }
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test(
  "an entry that cannot be made fails the restore and keeps the old data",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { into, user } = await setUp(sandbox);
    await mkdir(sandbox.path("source"));
    await writeFiles(sandbox.path("source"), { file: "new", last: "new" });
    const archive = await packFolder(sandbox.path("source"), sandbox.path("long.tar.zst"), [
      `--transform=s/last/${"n".repeat(300)}/`,
    ]);
    const before = await sandbox.evidence(into.folder, [user.id]);
    assertError(await sandbox.dockform(restoreArgs(into.name, archive)), {
      exitCode: 1,
      message: /^cannot extract \S+: .*File name too long/,
      hint: OLD_DATA,
    });
    assertUntouched(before, await sandbox.evidence(into.folder, [user.id]));
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test(
  "an attribute that cannot be set fails the restore and keeps the old data",
  { skip: skipUnlessPrivate },
  async () => {
    await using fs = await FileSystem.create({ bytes: 16 << 20 });
    await using sandbox = await Sandbox.create(host);
    await writeFiles(fs.folder, { "old/file": "old" });
    const into = await sandbox.volume("into", { driverOpts: fs.driverOpts });
    await sandbox.declare(into.name);
    await mkdir(sandbox.path("source"));
    await writeFiles(sandbox.path("source"), { file: "new" });
    // Attributes of a file must fit into one block of ext4.
    const archive = await packFolder(sandbox.path("source"), sandbox.path("attribute.tar.zst"), [
      "--format=posix",
      `--pax-option=SCHILY.xattr.user.large:=${"v".repeat(5000)}`,
    ]);
    const before = await sandbox.evidence(fs.folder);
    assertError(await sandbox.dockform(restoreArgs(into.name, archive)), {
      exitCode: 1,
      message: /^cannot extract \S+: .*Cannot set attribute user\.large/,
      hint: /^The old contents are in place\. .*--without attributes$/,
    });
    assertUntouched(before, await sandbox.evidence(fs.folder));
  },
);

test("a hostile archive writes nothing beside its own new contents", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { into, user } = await setUp(sandbox);
  const source = sandbox.path("source");
  await writeFiles(source, { file: "evil", "link/escaped": "evil" });
  await mkdir(sandbox.path("with-link"));
  await symlink("../../old", sandbox.path("with-link/link"));
  const archive = sandbox.path("hostile.tar");
  const add = async (folder: string, entry: string, as = entry): Promise<void> => {
    const options = ["-P", `--transform=flags=r;s,^${entry}$,${as},`];
    await run("tar", ["-rf", archive, ...options, "-C", folder, "--no-recursion", entry]);
  };
  // As seen from where archives are extracted, the old data is two folders up.
  await add(source, "file", "../../old/upwards");
  await add(source, "file", "inside/../../../old/through");
  await add(source, "file", "/volume/old/absolute");
  await add(sandbox.path("with-link"), "link");
  await add(source, "link/escaped");
  // Old data would be gone after a restore, so this one has to fail in the end.
  await add(source, "file", "n".repeat(300));
  const before = await sandbox.evidence(into.folder, [user.id]);
  const result = await sandbox.dockform(restoreArgs(into.name, archive));
  assertError(result, { exitCode: 1, message: /^cannot extract/, hint: OLD_DATA });
  assertUntouched(before, await sandbox.evidence(into.folder, [user.id]));
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test(
  "one volume has one restore at a time, and no snapshot meanwhile",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { into } = await setUp(sandbox);
    const first = await startLargeRestore(sandbox, into);
    await first.whileStopped(async () => {
      const archive = await packFiles(sandbox.folder, { file: "second" });
      for (const args of [
        restoreArgs(into.name, archive),
        ["volume", "snapshot", into.name, "--json"],
      ]) {
        assertError(await sandbox.dockform(args), {
          exitCode: 3,
          message: new RegExp(`^another client is working on volume "${into.name}": restore`),
          hint: /Nothing was touched\. Run the command again/,
        });
      }
    });
    const { code, stderr } = await first.ended;
    assert.equal(code, 0, stderr);
    assert.deepEqual((await readdir(into.folder)).toSorted(), ["a", "large"]);
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

for (const [kind, options] of [
  ["pipe", {}],
  ["exec", UNSEEN_TMPDIR],
] as const) {
  test(
    `a helper that dies in extraction by ${kind} leaves the old data`,
    { skip: skipUnlessPrivate },
    async () => {
      await using sandbox = await Sandbox.create(host);
      const { into, user } = await setUp(sandbox);
      const before = await sandbox.evidence(into.folder, [user.id]);
      const restore = await startLargeRestore(sandbox, into, options);
      await sandbox.killHelpers(restore);
      assertError(await restore.ended, {
        exitCode: 1,
        message: /^the helper container ended unexpectedly/,
        hint: /run the command again/,
      });
      assert.deepEqual(await sandbox.leftBehind(), []);
      await assertOldDataThenRestore(sandbox, into, before.tree.length);
      assert.equal(await sandbox.state(user.id), "running");
    },
  );
}

for (const [kind, options] of [
  ["pipe", {}],
  ["exec", UNSEEN_TMPDIR],
] as const) {
  test(
    `after kill -9 during extraction by ${kind} the old data is in place, and nothing beside it`,
    { skip: skipUnlessPrivate },
    async () => {
      await using sandbox = await Sandbox.create(host);
      const { into, user } = await setUp(sandbox);
      const before = await sandbox.evidence(into.folder, [user.id]);
      const restore = await startLargeRestore(sandbox, into, options);
      restore.signal("SIGKILL");
      await restore.ended;
      await sandbox.helpersEnded();
      assert.equal(await sandbox.state(user.id), "running");
      assert.deepEqual((await readdir(into.folder)).toSorted(), ["old", "other"]);
      await assertOldDataThenRestore(sandbox, into, before.tree.length);
    },
  );
}

/** Nobody was left to take the staging folder away, so the next restore does. */
async function assertOldDataThenRestore(
  sandbox: Sandbox,
  into: TestVolume,
  oldEntries: number,
): Promise<void> {
  const tree = await describeTree(into.folder);
  const old = tree.filter(({ path }) => !path.startsWith("./.dockform-"));
  assert.equal(old.length, oldEntries);
  assert.equal(await readFile(join(into.folder, "old/file"), "utf8"), "old");
  const archive = await packFiles(sandbox.folder, { file: "new" });
  await sandbox.restore(into.name, archive, ["--force", "--stop-containers"]);
  assert.deepEqual(await readdir(into.folder), ["file"]);
}

test(
  "a snapshot does not hold what an interrupted restore left in the volume",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { into } = await setUp(sandbox);
    const restore = await startLargeRestore(sandbox, into);
    restore.signal("SIGKILL");
    await restore.ended;
    await sandbox.helpersEnded();
    const { archive } = await sandbox.snapshot(into.name, ["--format", "tar"]);
    const names = (await run("tar", ["-tf", archive])).toString();
    assert.equal(names.includes(".dockform-"), false, names);
  },
);

test(
  "old contents that cannot be removed are a warning after the restore",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { into } = await setUp(sandbox);
    const archive = await packFiles(sandbox.folder, { file: "new" });
    const immutable = join(into.folder, "old");
    await run("chattr", ["+i", join(immutable, "file")]);
    try {
      const { stderr } = await sandbox.restore(into.name, archive, [
        "--force",
        "--stop-containers",
      ]);
      assert.match(stderr, /warning: cannot remove the old contents .*\.dockform-/);
      assert.equal(await readFile(join(into.folder, "file"), "utf8"), "new");
    } finally {
      await run("chattr", ["-R", "-i", into.folder]);
    }
  },
);
