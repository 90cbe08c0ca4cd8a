/** Whether entries can be renamed into our folder, on real file systems; the helper's script runs here. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { FileSystem, SMALLEST_BYTES } from "../e2e/file-system.ts";
import { FolderFileSystem } from "../e2e/folder-file-systems.ts";
import { needProgram, run } from "../oracle/host.ts";
import { Place } from "./place.ts";

const ID = "0123456789ab";
const STAGING = `.dockform-${ID}`;
const FILES = { file: "old", "folder/inside": "old" };

const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const skip = !isRoot && "file systems are mounted by root";

/** What the helper finds that cannot be renamed: the number of the error and the name. */
async function unmovable(place: Place, ...paths: readonly string[]): Promise<string | undefined> {
  const before = await run("find", [place.volume, "-printf", "%p %i %T@\\n"]);
  const said = await place.call("probe", ID, "beside", ...paths);
  assert.match(said, /^=mark= end 0$/m, said);
  const after = await run("find", [place.volume, "-printf", "%p %i %T@\\n"]);
  assert.equal(after.toString(), before.toString(), "nothing is touched");
  return /^=mark= unmovable (.*)$/m.exec(said)?.[1];
}

/** An archive of the files `file` and `folder/inside`, and of more, all of them "new", for the script to extract. */
async function newArchive(place: Place, more: readonly string[] = []): Promise<string> {
  const [folder, archive] = [join(place.folder, "new"), join(place.folder, "new.tar")];
  await mkdir(join(folder, "folder"), { recursive: true });
  for (const file of ["file", "folder/inside", ...more]) await writeFile(join(folder, file), "new");
  await run("tar", ["--format=posix", "-cf", archive, "-C", folder, "."]);
  return archive;
}

for (const type of ["ext4", "xfs", "btrfs"] as const) {
  test(`on ${type} everything can be renamed but what is fixed`, { skip }, async () => {
    await using disk = await FileSystem.create({ type, bytes: SMALLEST_BYTES[type] });
    const files = { ...FILES, "immutable/inside": "old", append: "old" };
    await using place = await Place.create(files, join(disk.folder, "volume"));
    assert.equal(await unmovable(place), undefined);
    for (const [name, attribute] of [
      ["immutable", "i"],
      ["append", "a"],
    ] as const) {
      const path = join(place.volume, name);
      await run("chattr", [`+${attribute}`, path]);
      assert.equal(await unmovable(place), `1 ${name}`);
      assert.equal(await unmovable(place, "file"), undefined);
      await run("chattr", [`-${attribute}`, path]);
    }
  });
}

test("a read-only subvolume cannot be renamed", { skip }, async () => {
  await using disk = await FileSystem.create({ type: "btrfs", bytes: SMALLEST_BYTES.btrfs });
  await using place = await Place.create(FILES, join(disk.folder, "volume"));
  const btrfs = await needProgram("/usr/bin/btrfs", "btrfs-progs");
  for (const name of ["writable", "read-only"]) {
    await run(btrfs, ["subvolume", "create", join(place.volume, name)]);
  }
  assert.equal(await unmovable(place), undefined);
  await run(btrfs, ["property", "set", join(place.volume, "read-only"), "ro", "true"]);
  assert.equal(await unmovable(place), "30 read-only");
});

test("what belongs to another project cannot be renamed into ours", { skip }, async () => {
  await using disk = await FileSystem.create({ type: "xfs", bytes: SMALLEST_BYTES.xfs });
  await using place = await Place.create(
    { ...FILES, "other/inside": "old", "other-file": "old" },
    join(disk.folder, "volume"),
  );
  const io = await needProgram("/usr/sbin/xfs_io", "xfsprogs");
  await run(io, ["-c", "chproj -R 42", "-c", "chattr -R +P", place.volume]);
  assert.equal(await unmovable(place), undefined);
  for (const name of ["other", "other-file"]) {
    await run(io, ["-c", "chproj 43", join(place.volume, name)]);
    assert.equal(await unmovable(place), `18 ${name}`);
    await run(io, ["-c", "chproj 42", join(place.volume, name)]);
  }
});

test("in memory everything can be renamed", { skip }, async () => {
  await using disk = await FolderFileSystem.tmpfs({ bytes: 1 << 20 });
  await using place = await Place.create(FILES, join(disk.folder, "volume"));
  assert.equal(await unmovable(place), undefined);
});

/** A volume whose folder cannot be renamed into ours, beside entries that can. */
const RIGID = {
  overlay: () =>
    FolderFileSystem.overlay({
      fillLower: async (lower) => {
        await mkdir(join(lower, "volume/rigid"), { recursive: true });
        await writeFile(join(lower, "volume/rigid/inside"), "old");
      },
    }),
  mergerfs: () =>
    FolderFileSystem.mergerfs({
      // On both: wherever our own folder is made, there is one that is elsewhere.
      fillBranches: async (one, other) => {
        for (const branch of [one, other]) {
          await mkdir(join(branch, "volume/rigid"), { recursive: true });
          await writeFile(join(branch, "volume/rigid/inside"), "old");
        }
      },
    }),
} as const;

for (const [name, make] of Object.entries(RIGID)) {
  test(`on ${name} it is known beforehand what cannot be renamed`, { skip }, async () => {
    await using disk = await make();
    await using place = await Place.create(FILES, join(disk.folder, "volume"));
    await symlink("nowhere", join(place.volume, "link"));
    assert.equal(await unmovable(place, "link"), undefined);
    assert.match((await unmovable(place)) ?? "", /^18 /);
    assert.equal(await unmovable(place, "rigid"), "18 rigid");
  });

  test(`on ${name} a swap that cannot rename everything moves all back`, { skip }, async () => {
    await using disk = await make();
    await using place = await Place.create(FILES, join(disk.folder, "volume"));
    await place.call("extract", ID, await newArchive(place), "none", "1000");
    const said = await place.call("swap", ID);
    if (name === "overlay") assert.match(said, /^=mark= unmovable 18 rigid$/m);
    assert.match(said, /^=mark= swapped_back$/m);
    assert.match(await place.call("discard", ID), /^=mark= end 0$/m);
    assert.deepEqual(await place.names(), ["file", "folder", "rigid"]);
    for (const file of ["file", "folder/inside", "rigid/inside"]) {
      assert.equal(await place.content(file), "old");
    }
  });

  test(
    `on ${name} what cannot be renamed is removed in place, and only then`,
    { skip },
    async () => {
      await using disk = await make();
      await using place = await Place.create(FILES, join(disk.folder, "volume"));
      assert.match(await place.call("begin", ID), /^=mark= end 0$/m);
      assert.match(await place.call("clear", ID, "where"), /^=mark= cleared$/m);
      assert.deepEqual(await place.names(), [STAGING]);
      assert.match(await place.call("recover", ID), /^=mark= needs_safety where$/m);
      await place.call("extract", ID, await newArchive(place), "none", "1000");
      await place.call("accept", ID);
      assert.match(await place.call("recover", ID), /^=mark= swapped$/m);
      assert.match(await place.call("conclude", ID), /^=mark= end 0$/m);
      assert.deepEqual(await place.names(), ["file", "folder"]);
      assert.equal(await place.content("folder/inside"), "new");
    },
  );
}

/** Puts a file where the disks of our own folder are not. */
async function writeElsewhere(disk: FolderFileSystem, name: string): Promise<void> {
  for (const branch of ["one", "other"].map((part) => disk.part(part))) {
    if (existsSync(join(branch, "volume", STAGING))) continue;
    await writeFile(join(branch, "volume", name), "elsewhere");
    return;
  }
  assert.fail("our folder is everywhere");
}

const emptyOnBoth = async (...branches: readonly string[]): Promise<void> => {
  for (const branch of branches) await mkdir(join(branch, "volume"));
};

test("new contents that lie all over a union have their way back", { skip }, async () => {
  await using disk = await FolderFileSystem.mergerfs({
    fillBranches: emptyOnBoth,
    policy: "pfrd",
  });
  await using place = await Place.create({}, join(disk.folder, "volume"));
  const names = Array.from({ length: 16 }, (_, i) => `file-${i}`);
  const archive = await newArchive(place, names);
  assert.match(await place.call("extract", ID, archive, "none", "1000"), /^=mark= end 0$/m);
  assert.match(await place.call("swap", ID), /^=mark= swapped$/m);
  for (const branch of ["one", "other"]) {
    assert.match((await readdir(join(disk.part(branch), "volume"))).join(" "), /file-/);
  }
  assert.match(await place.call("swap_back", ID, "about"), /^=mark= returned$/m);
  assert.deepEqual(await place.names(), [STAGING]);
  assert.match(await place.call("conclude", ID), /^=mark= end 0$/m);
  assert.deepEqual(
    await place.names(".dockform-kept/contents"),
    ["file", "folder", ...names].toSorted(),
  );
});

test("what cannot go back stays, and the old contents with it", { skip }, async () => {
  await using disk = await FolderFileSystem.mergerfs({ fillBranches: emptyOnBoth });
  await using place = await Place.create({ old: "old" }, join(disk.folder, "volume"));
  await place.call("extract", ID, await newArchive(place), "none", "1000");
  assert.match(await place.call("swap", ID), /^=mark= swapped$/m);
  await writeElsewhere(disk, "late");
  const said = await place.call("swap_back", ID);
  assert.match(said, /^=mark= stays$/m);
  assert.match(said, /^=mark= swapped$/m);
  assert.deepEqual(await place.names(), [STAGING, "file", "folder", "late"]);
  assert.match(await place.call("keep", ID, "about"), /^=mark= end 0$/m);
  assert.match(await place.call("conclude", ID), /^=mark= end 0$/m);
  assert.deepEqual(await place.names(), [".dockform-kept", "file", "folder", "late"]);
  assert.deepEqual(await place.names(".dockform-kept/contents"), ["old"]);
});
