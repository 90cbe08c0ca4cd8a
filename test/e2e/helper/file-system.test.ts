import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { run } from "../../oracle/host.ts";
import { packFiles } from "../archives.ts";
import { FileSystem, SMALLEST_BYTES } from "../file-system.ts";
import { FolderFileSystem } from "../folder-file-systems.ts";
import { Sandbox } from "../harness.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

for (const type of ["ext4", "xfs", "btrfs"] as const) {
  test(
    `a loss of power takes from ${type} what was not flushed, and nothing else`,
    { skip },
    async () => {
      const bytes = Math.max(SMALLEST_BYTES[type], 16 << 20);
      await using disk = await FileSystem.create({ type, bytes, journal: true });
      for (let cut = 1; cut <= 3; cut += 1) {
        await writeFile(join(disk.folder, `flushed-${cut}`), "on the disk");
        await run("sync", ["-f", disk.folder]);
        await writeFile(join(disk.folder, `not-flushed-${cut}`), "in memory");
        await disk.losePower();
      }
      const names = (await readdir(disk.folder)).toSorted();
      assert.deepEqual(names, ["flushed-1", "flushed-2", "flushed-3"]);
      assert.equal(await readFile(join(disk.folder, "flushed-1"), "utf8"), "on the disk");
    },
  );
}

async function fillFolder(folder: string): Promise<void> {
  await mkdir(join(folder, "folder"));
  await writeFile(join(folder, "folder", "file"), "there from the beginning");
}

for (const [what, create] of [
  ["tmpfs", () => FolderFileSystem.tmpfs({ bytes: 16 << 20 })],
  ["overlay", () => FolderFileSystem.overlay()],
  ["mergerfs", () => FolderFileSystem.mergerfs()],
  ["btrfs", () => FileSystem.create({ type: "btrfs", bytes: SMALLEST_BYTES.btrfs })],
  ["xfs", () => FileSystem.create({ type: "xfs", bytes: SMALLEST_BYTES.xfs })],
] as const) {
  test(`an engine sees what is in a folder on ${what}`, { skip }, async () => {
    await using fileSystem = await create();
    await using sandbox = await Sandbox.create(host);
    await mkdir(join(fileSystem.folder, "volume"));
    const device = join(fileSystem.folder, "volume");
    const volume = await sandbox.volume("on-it", {
      driverOpts: { type: "none", o: "bind", device },
    });
    await sandbox.restore(volume.name, await packFiles(sandbox.folder, { file: "new" }), [
      "--undeclared",
    ]);
    assert.equal(await readFile(join(device, "file"), "utf8"), "new");
  });
}

for (const [what, create] of [
  ["a lower folder of an overlay", () => FolderFileSystem.overlay({ fillLower: fillFolder })],
  [
    "a folder on another branch of mergerfs",
    () =>
      FolderFileSystem.mergerfs({
        fillBranches: async (one, other) => {
          await mkdir(join(one, "into"));
          await fillFolder(other);
        },
      }),
  ],
] as const) {
  test(`${what} cannot be renamed`, { skip }, async () => {
    await using fileSystem = await create();
    const at = (name: string): string => join(fileSystem.folder, name);
    await mkdir(at("into"), { recursive: true });
    await assert.rejects(rename(at("folder"), at("into/folder")), { code: "EXDEV" });
  });
}
