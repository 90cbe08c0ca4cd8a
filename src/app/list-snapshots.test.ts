import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeLog } from "../../test/fakes/surroundings.ts";
import { MemoryStore } from "../../test/fakes/memory-store.ts";
import { putSnapshot } from "../../test/fakes/stored.ts";
import { FakeSite } from "../../test/fakes/workspace.ts";
import type { StoredSnapshot, StoredVolume } from "../store/store.ts";
import { Catalog } from "./catalog.ts";
import { listSnapshots } from "./list-snapshots.ts";
import { planPruning } from "./prune.ts";
import { snapshotsToRemove, removeSnapshots, volumesLeftWithout } from "./remove-snapshots.ts";
import { snapshotsToVerify } from "./verify-snapshots.ts";

const DATA: StoredVolume = { context: undefined, volume: "data" };
const MAIL: StoredVolume = { context: undefined, volume: "mail" };
const OLD = "2026-11-21T12:00:00Z";
const NEW = "2026-11-23T12:00:00Z";

function filled(): { readonly store: MemoryStore; readonly catalog: Catalog } {
  const store = new MemoryStore();
  putSnapshot(store, DATA, OLD, { notes: "before", verified_at: NEW });
  putSnapshot(store, DATA, NEW, { volume_name: "mail", stored_bytes: 5 });
  putSnapshot(store, MAIL, OLD);
  return {
    store,
    catalog: new Catalog({ store, cwd: "/", context: undefined, log: new FakeLog() }),
  };
}

test("a list says of each snapshot what its sidecar says, and what is wrong with it", async () => {
  const [data, mail] = await listSnapshots(filled().catalog, undefined);
  assert.equal(data?.title, "data");
  assert.equal(data.storedBytes, 8);
  const [damaged, sound] = data.snapshots;
  assert.equal(damaged?.otherVolume, "mail");
  assert.match(damaged.problem ?? "", /4 bytes long, and was 5/);
  assert.deepEqual(
    [sound?.notes, sound?.verifiedAt, sound?.otherVolume, sound?.problem],
    ["before", new Date(NEW), undefined, undefined],
  );
  assert.equal(mail?.snapshots.length, 1);
});

test("a volume alone says not which of its snapshots to remove; one that is named twice is one", async () => {
  const { store, catalog } = filled();
  await assert.rejects(snapshotsToRemove(catalog, ["data"]), { code: "snapshot.unspecified" });
  const snapshots = await snapshotsToRemove(catalog, ["data@2026-11-21", "mail@latest"]);
  const empty = { context: undefined, volume: "empty", snapshots: [], leftovers: [] };
  const left = volumesLeftWithout(snapshots, [...(await catalog.volumes()), empty]);
  assert.deepEqual(
    left.map(({ volume }) => volume),
    ["mail"],
  );
  assert.equal((await snapshotsToRemove(catalog, ["mail@latest", "mail@2026"])).length, 1);
  assert.deepEqual(await removeSnapshots(snapshots, new AbortController().signal), []);
  assert.deepEqual(
    [...store.kept.values()].map(({ place, snapshot }) => [place.volume, snapshot.time]),
    [["data", new Date(NEW)]],
  );
});

test("whoever verifies or prunes all of an empty store is told that there is nothing", async () => {
  const empty = new Catalog({
    store: new MemoryStore(),
    cwd: "/",
    context: undefined,
    log: new FakeLog(),
  });
  await assert.rejects(snapshotsToVerify(empty, undefined), {
    code: "store.empty",
    message: "there are no snapshots in memory",
  });
  await using site = await FakeSite.create(undefined, {});
  using workspace = await site.open();
  const request = {
    volume: undefined,
    policy: { last: 1 },
    allowed: { lastOne: false, lastVerified: false },
  };
  await assert.rejects(planPruning(workspace, request, new Date()), { code: "store.empty" });
});

test("whoever verifies all is told of data that is gone as well", async () => {
  const { store } = filled();
  const listing = {
    ...DATA,
    snapshots: [],
    leftovers: [
      { path: "/s/data/a.json", kind: "no data", archivePath: "/s/data/a.tar.zst" },
      { path: "/s/data/b.tar.zst", kind: "no sidecar" },
    ],
  } as const;
  store.list = async () => [listing];
  const catalog = new Catalog({ store, cwd: "/", context: undefined, log: new FakeLog() });
  assert.deepEqual(
    (await snapshotsToVerify(catalog, undefined)).map(({ archivePath }) => archivePath),
    ["/s/data/a.tar.zst"],
  );
});

/** From which one snapshot cannot be removed. */
class StubbornStore extends MemoryStore {
  override async remove(snapshot: StoredSnapshot): Promise<void> {
    if (snapshot.archivePath.includes(OLD)) throw new Error("told to fail");
    await super.remove(snapshot);
  }
}

test("a snapshot that cannot be removed keeps none of the others, and an interruption all that are left", async () => {
  const store = new StubbornStore();
  const snapshots = [OLD, NEW].map((time) => ({ ...putSnapshot(store, DATA, time), store }));
  const removing = await removeSnapshots(snapshots, new AbortController().signal);
  assert.deepEqual(
    removing.map(({ archivePath, error }) => [archivePath, String(error)]),
    [[`/memory//data/${OLD}.tar.zst`, "Error: told to fail"]],
  );
  assert.deepEqual([...store.kept.keys()], [`/memory//data/${OLD}.tar.zst`]);
  const interruption = new Error("interrupted");
  const cut = await removeSnapshots(snapshots, AbortSignal.abort(interruption));
  assert.deepEqual(
    cut.map(({ error }) => error),
    [interruption, interruption],
  );
});
