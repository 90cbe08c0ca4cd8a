import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { run } from "../../oracle/host.ts";
import { describeTree, differences } from "../../oracle/tree.ts";
import { writeFiles } from "../archives.ts";
import { FaultyFileSystem } from "../faulty-file-system.ts";
import { FileSystem, SMALLEST_BYTES } from "../file-system.ts";
import { FolderFileSystem } from "../folder-file-systems.ts";
import { Sandbox } from "../harness.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

const MIB = 2 ** 20;

/** Some data in the middle of nothing. */
async function writeWithHoles(path: string): Promise<void> {
  await writeFile(path, "");
  await truncate(path, 8 * MIB);
  const file = await open(path, "r+");
  await file.write(randomBytes(100_000), 0, 100_000, 3 * MIB);
  await file.close();
}

test("a file system that leaves blocks out loses no data", { skip }, async () => {
  await using fs = await FaultyFileSystem.create({ blocks: 0 }, async (folder) => {
    await writeFiles(folder, { "sub/data": randomBytes(3 * MIB), small: "small" });
    await writeFile(join(folder, "empty"), "");
    await writeFile(join(folder, "zeros"), Buffer.alloc(MIB));
    await writeWithHoles(join(folder, "holes"));
    await run("ln", [join(folder, "sub/data"), join(folder, "other name")]);
  });
  await using sandbox = await Sandbox.create(host);
  const { name } = await sandbox.volume("from", { driverOpts: fs.driverOpts });
  const { archive, sidecar } = await sandbox.snapshot(name);
  assert.deepEqual(sidecar["warnings"], []);
  const into = await sandbox.volume("into");
  await sandbox.restore(into.name, archive, ["--undeclared", "--verify"]);
  assert.deepEqual(differences(await describeTree(fs.folder), await describeTree(into.folder)), []);
});

test(
  "where some files have no blocks, the holes of others are filled, and said",
  { skip },
  async () => {
    await using fs = await FaultyFileSystem.create({ no_blocks: ["migrated"] }, async (folder) => {
      await writeFiles(folder, { migrated: randomBytes(MIB), data: randomBytes(MIB) });
      await writeWithHoles(join(folder, "holes"));
    });
    await using sandbox = await Sandbox.create(host);
    const { name } = await sandbox.volume("from", { driverOpts: fs.driverOpts });
    const { archive, sidecar, stderr } = await sandbox.snapshot(name);
    assert.match(String(sidecar["warnings"]), /^holes: holes are stored as zeros, 8\.3 MB/);
    assert.match(stderr, /warning: .*: holes: holes are stored as zeros/);
    const into = await sandbox.volume("into");
    await sandbox.restore(into.name, archive, ["--undeclared", "--verify"]);
    assert.deepEqual(
      differences(await describeTree(fs.folder), await describeTree(into.folder)),
      [],
    );
  },
);

test("holes stay holes where blocks are counted", { skip }, async () => {
  await using fs = await FolderFileSystem.mergerfs();
  await using sandbox = await Sandbox.create(host);
  await writeWithHoles(join(fs.folder, "holes"));
  await writeFile(join(fs.folder, "data"), randomBytes(MIB));
  const { name } = await sandbox.volume("from", { driverOpts: fs.bind() });
  const { archive, sidecar } = await sandbox.snapshot(name);
  assert.ok(Number(sidecar["uncompressed_bytes"]) < 2 * MIB);
  const into = await sandbox.volume("into");
  await sandbox.restore(into.name, archive, ["--undeclared"]);
  assert.ok((await stat(join(into.folder, "holes"))).blocks * 512 < MIB);
});

for (const type of ["ext4", "xfs", "btrfs", "tmpfs"] as const) {
  test(`${type} counts the blocks of what is still in memory`, { skip }, async () => {
    await using fs =
      type === "tmpfs"
        ? await FolderFileSystem.tmpfs({ bytes: 64 * MIB })
        : await FileSystem.create({ type, bytes: Math.max(SMALLEST_BYTES[type], 64 * MIB) });
    await using sandbox = await Sandbox.create(host);
    await mkdir(join(fs.folder, "volume"));
    const device = join(fs.folder, "volume");
    const { name } = await sandbox.volume("from", {
      driverOpts: { type: "none", o: "bind", device },
    });
    for (let round = 0; round < 3; round += 1) {
      const files = Object.fromEntries(
        Array.from({ length: 50 }, (_, i) => [`${round}-${i}`, randomBytes(1000 * (i + 1))]),
      );
      await writeFiles(device, files);
      await writeWithHoles(join(device, `holes-${round}`));
      for (const file of Object.keys(files)) {
        assert.ok((await stat(join(device, file))).blocks > 0, file);
      }
      const { archive } = await sandbox.snapshot(name, ["-o", sandbox.path(`out-${round}`)]);
      for (const [file, content] of Object.entries(files)) {
        const stored = await run("tar", ["--zstd", "-xOf", archive, `./${file}`]);
        assert.ok(stored.equals(content), file);
      }
      const holes = await run("tar", ["--zstd", "-xOf", archive, `./holes-${round}`]);
      assert.ok(holes.equals(await readFile(join(device, `holes-${round}`))));
    }
  });
}
