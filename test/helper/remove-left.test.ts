/** What cannot be renamed and is removed in its place, for a restore in place; the helper's script runs here. */
import assert from "node:assert/strict";
import { link, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { FolderFileSystem } from "../e2e/folder-file-systems.ts";
import { run } from "../oracle/host.ts";
import { Place } from "./place.ts";

const ID = "0123456789ab";
const STAGING = `.dockform-${ID}`;

const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const skip = !isRoot && "file systems are mounted by root";

/** Two folders, each on a disk of its own: wherever our folder is, one of the two is elsewhere. */
async function union(): Promise<FolderFileSystem> {
  return FolderFileSystem.mergerfs({
    fillBranches: async (one, other) => {
      for (const folder of [join(one, "volume/aa"), join(other, "volume/bb")]) {
        await mkdir(join(folder, "deep"), { recursive: true });
        await writeFile(join(folder, "deep/file"), "old");
        await writeFile(join(folder, "other"), "old");
      }
    },
  });
}

async function archiveOfOld(place: Place): Promise<string> {
  const archive = join(place.folder, "old.tar");
  await run("tar", ["--format=posix", "-cf", archive, "-C", place.volume, "."]);
  return archive;
}

/** A volume as a helper leaves it that dies when it is about to remove what it could not rename. */
async function dieBeforeRemoving(place: Place): Promise<void> {
  await place.replace(
    "perl",
    `for word; do [ "$word" != remove ] || { kill -9 $PPID; exit; }; done; exec /usr/bin/perl "$@"`,
  );
  assert.match(await place.call("begin", ID), /^=mark= end 0$/m);
  await place.call("clear", ID, "where");
  await place.replace("perl", `exec /usr/bin/perl "$@"`);
}

test("what was written since a death is not removed in place", { skip }, async () => {
  await using disk = await union();
  await using place = await Place.create({}, join(disk.folder, "volume"));
  const archive = await archiveOfOld(place);
  await dieBeforeRemoving(place);
  const left = (await place.names()).filter((name) => name !== STAGING);
  assert.equal(left.length, 1, left.join(" "));
  const [folder = ""] = left;
  await sleep(1100);
  await writeFile(join(place.volume, folder, "deep/since"), "precious");
  const said = await place.call("recover", ID);
  assert.match(said, /^=mark= needs_safety where$/m);
  assert.ok(said.includes(`${folder}/deep/since stays: it was written meanwhile`), said);
  assert.deepEqual(await place.names(folder), ["deep"]);
  assert.deepEqual(await place.names(`${folder}/deep`), ["since"]);

  await place.call("extract", ID, archive, "none", "1000");
  await place.call("accept", ID, "returned");
  assert.match(await place.call("recover", ID), new RegExp(`^${folder} stands in the way`, "m"));
  assert.equal(await place.content(`${folder}/deep/since`), "precious");
  await rm(join(place.volume, folder), { recursive: true });
  assert.match(await place.call("recover", ID), /^=mark= returned$/m);
  assert.deepEqual(await place.names(), [STAGING, "aa", "bb"]);
  assert.equal(await place.content(`${folder}/deep/file`), "old");
  assert.match(await place.call("conclude", ID), /^=mark= end 0$/m);
});

for (const dies of [false, true]) {
  const when = dies ? "by a recovery" : "at once";
  test(`a file is removed in place under all of its names, ${when}`, { skip }, async () => {
    await using disk = await union();
    await using place = await Place.create({}, join(disk.folder, "volume"));
    for (const folder of ["one/volume/aa", "other/volume/bb"]) {
      const path = disk.part(folder);
      await link(join(path, "other"), join(path, "deep/too"));
      await link(join(path, "other"), `${path}-too`);
    }
    if (dies) {
      await dieBeforeRemoving(place);
      await sleep(1100);
      // As if it had died after the first of them.
      for (const folder of ["aa", "bb"]) {
        await rm(join(place.volume, folder, "other"), { force: true });
      }
      assert.match(await place.call("recover", ID), /^=mark= needs_safety where$/m);
    } else {
      await place.call("begin", ID);
      assert.match(await place.call("clear", ID, "where"), /^=mark= cleared/m);
    }
    assert.deepEqual(await place.names(), [STAGING]);
  });
}

test("what cannot be removed in place is found before anything is", { skip }, async () => {
  await using disk = await union();
  await using place = await Place.create({}, join(disk.folder, "volume"));
  const archive = await archiveOfOld(place);
  const fixed = ["one/volume/aa/deep/file", "other/volume/bb/deep/file"].map((p) => disk.part(p));
  await run("chattr", ["+i", ...fixed]);
  try {
    assert.match(
      await place.call("probe", ID, "in_place"),
      /^=mark= unmovable 1 (aa|bb)\/deep\/file$/m,
    );
    assert.match(await place.call("probe", ID, "beside"), /^=mark= unmovable 18 (aa|bb)$/m);
    await place.call("begin", ID);
    assert.match(await place.call("clear", ID, "where"), /^=mark= unmovable 1 \w+\/deep\/file$/m);
    assert.match(await place.call("recover", ID), /^=mark= swapped_back$/m);
    assert.match(await place.call("discard", ID), /^=mark= end 0$/m);
    assert.deepEqual(await place.names(), ["aa", "bb"]);
    for (const file of ["aa/deep/file", "aa/other", "bb/deep/file", "bb/other"]) {
      assert.equal(await place.content(file), "old");
    }

    await run("chattr", ["-i", ...fixed]);
    await dieBeforeRemoving(place);
    const [left = ""] = (await place.names()).filter((name) => name !== STAGING);
    await run("chattr", ["+i", join(place.volume, left, "deep/file")]);
    const said = await place.call("recover", ID);
    assert.match(said, /^\w+\/deep\/file stays: /m);
    assert.match(said, /^=mark= needs_safety where$/m);
    await place.call("extract", ID, archive, "none", "1000");
    await place.call("accept", ID, "returned");
    assert.match(await place.call("recover", ID), /^\w+ stands in the way/m);
    await run("chattr", ["-i", join(place.volume, left, "deep/file")]);
    await rm(join(place.volume, left), { recursive: true });
    assert.match(await place.call("recover", ID), /^=mark= returned$/m);
    assert.deepEqual(await place.names(), [STAGING, "aa", "bb"]);
  } finally {
    await run("chattr", ["-R", "-i", disk.part("one"), disk.part("other")]);
  }
});
