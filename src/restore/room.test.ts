import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { House } from "../../test/fakes/house.ts";
import { inFastTime } from "../../test/fakes/time.ts";
import { FolderStore } from "../store/folder/folder-store.ts";
import type { RestoreReport, RestoreRequest } from "./request.ts";
import { restore, assertUntouched, assertFails } from "../../test/fakes/restoring.ts";

const NO_ROOM = "1 512 100000 200000 4000000";

test("without room for both a restore is refused, and allowed to clear the volume first", async () => {
  const house = await House.build();
  house.disk.facts = { space: NO_ROOM };
  await assertFails(house, "volume.no-room", /missing|more than/);
  const keep = { inPlace: true, keepPrevious: true };
  await assertFails(house, "volume.no-room-to-keep", /no room to keep/, keep);
});

test("in place the old contents go into a snapshot, and the new ones take their place", async () => {
  const house = await House.build();
  house.user("app");
  house.disk.facts = { space: NO_ROOM };
  await restore(house, { inPlace: true });
  assert.equal(house.inPlace, "new");
  assert.deepEqual(house.users(), ["app running no"]);
  assert.deepEqual(house.left(), []);
  assert.equal(house.store.kept.size, 1, "the old contents are in a snapshot");
});

/** In place, with snapshots in a folder: whoever brings contents back from one looks for its path. */
async function inPlaceWithFolder(
  house: House,
  more: Partial<RestoreRequest> = {},
): Promise<RestoreReport> {
  await using folder = await mkdtempDisposable(join(tmpdir(), "dockform-restore-"));
  const target = { ...house.target(), store: new FolderStore(folder.path) };
  house.disk.facts = { space: NO_ROOM };
  return await restore(house, { target, inPlace: true, ...more });
}

test("whatever fails after that brings the old contents back from the snapshot", async (t) => {
  const failing = await House.build();
  failing.user("app");
  failing.contents.instead.set("extract", () => {
    failing.contents.instead.delete("extract");
    const facts = { tar_status: "2", zstd_status: "0" };
    return { status: 1, facts, messages: ["tar: No space"] };
  });
  await assert.rejects(inPlaceWithFolder(failing), /No space/);
  assertUntouched(failing, ["app running no"]);
  const house = await House.build();
  house.user("app", "running", { health: "unhealthy" });
  await inFastTime(t, () =>
    assert.rejects(inPlaceWithFolder(house, { healthTimeoutMs: 60_000 }), {
      code: "restore.unhealthy",
    }),
  );
  assertUntouched(house, ["app running no"]);
});
