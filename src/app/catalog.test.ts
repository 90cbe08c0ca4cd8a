import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStore } from "../../test/fakes/memory-store.ts";
import { putSnapshot } from "../../test/fakes/stored.ts";
import { FakeLog } from "../../test/fakes/surroundings.ts";
import { volumeTitle, type StoredVolume } from "../store/store.ts";
import { Catalog } from "./catalog.ts";

const PLAIN: StoredVolume = { context: undefined, volume: "data" };
const HOME: StoredVolume = { context: "home", volume: "data" };
const WORK: StoredVolume = { context: "work", volume: "data" };
const [OLD, MIDDLE, NEW] = [
  "2026-11-21T12:00:00Z",
  "2026-11-22T12:00:00Z",
  "2026-11-23T12:00:00Z",
] as const;

function catalog(store: MemoryStore, context?: string): Catalog {
  return new Catalog({ store, cwd: "/here", context, log: new FakeLog() });
}

test("snapshots of one volume in both layouts are one list, the newest first", async () => {
  const store = new MemoryStore();
  putSnapshot(store, PLAIN, MIDDLE);
  putSnapshot(store, HOME, NEW);
  putSnapshot(store, HOME, OLD);
  const { context, snapshots } = await catalog(store).volume("data");
  assert.equal(context, "home");
  assert.deepEqual(
    snapshots.map(({ time }) => time),
    [NEW, MIDDLE, OLD].map((time) => new Date(time)),
  );
});

test("where several contexts have snapshots of a name, it has to be said which is meant", async () => {
  const store = new MemoryStore();
  const home = putSnapshot(store, HOME, OLD);
  putSnapshot(store, WORK, NEW);
  await assert.rejects(catalog(store).find("data@latest"), {
    data: { candidates: ["home/data", "work/data"] },
  });
  for (const found of [
    await catalog(store).find("home/data@latest"),
    await catalog(store, "home").find("data"),
    await catalog(store).find("latest", "home/data"),
    await catalog(store).find("data@latest", "home/data"),
    await catalog(store).find("home/data@2026", "home/data"),
  ]) {
    assert.equal(found.archivePath, home.archivePath);
  }
});

test("a snapshot that is of another volume by its sidecar is not the latest of this one", async () => {
  const store = new MemoryStore();
  const own = putSnapshot(store, PLAIN, OLD);
  putSnapshot(store, PLAIN, NEW, { volume_name: "other" });
  assert.equal((await catalog(store).find("data")).archivePath, own.archivePath);
});

test("damaged ones and what a restore in place saved are not the latest; of damage it is warned", async () => {
  const store = new MemoryStore();
  const good = putSnapshot(store, PLAIN, OLD);
  const short = putSnapshot(store, PLAIN, MIDDLE, { stored_bytes: 5 });
  const saved = putSnapshot(store, PLAIN, NEW, { purpose: "safety" });
  const log = new FakeLog();
  const snapshots = new Catalog({ store, cwd: "/here", context: undefined, log });
  assert.equal((await snapshots.find("data")).archivePath, good.archivePath);
  const warning = `skipped ${short.archivePath}: it is 4 bytes long, and was 5 when it was stored`;
  assert.deepEqual(log.warnings, [warning]);
  assert.equal((await snapshots.find("data@2026-11-23")).archivePath, saved.archivePath);
  await store.remove(good);
  await assert.rejects(catalog(store).find("data"), {
    message:
      "volume data has no good snapshot of its own: those in its folder are the old contents of restores in place, or damaged",
  });
});

test("a path is taken from the current folder, and belongs to no list", async () => {
  const found = await catalog(new MemoryStore()).find("./backup/x.tar.zst");
  assert.equal(found.archivePath, "/here/backup/x.tar.zst");
  assert.equal(found.stored, undefined);
  assert.equal(found.volume, undefined);
});

test("a volume without snapshots is told with the name that may have been meant, and all there are", async () => {
  const store = new MemoryStore();
  putSnapshot(store, PLAIN, OLD);
  putSnapshot(store, { context: undefined, volume: "mail" }, OLD);
  await assert.rejects(catalog(store).find("dta@latest"), {
    message: "there is no snapshot of dta; did you mean data?",
    hint: "There are snapshots of data, mail.",
    data: { candidates: ["data", "mail"] },
  });
  putSnapshot(store, { context: "home", volume: "photos" }, OLD);
  await assert.rejects(catalog(store).find("photo@latest"), {
    message: "there is no snapshot of photo; did you mean home/photos?",
  });
  await assert.rejects(catalog(new MemoryStore()).volumes("data"), {
    hint: "There are no snapshots in memory.",
    advice: [{ code: "choose-store" }],
  });
});

test("a name that is none is said, also where the store cannot be read", async () => {
  const store = new MemoryStore();
  const list = store.list.bind(store);
  let asked = 0;
  store.list = () => {
    asked += 1;
    return list();
  };
  await assert.rejects(catalog(store).volumes("a/b/c"), { code: "reference.invalid" });
  assert.equal(asked, 0);
});

test("a pattern means the snapshots of all volumes that it describes", async () => {
  const store = new MemoryStore();
  for (const volume of ["app_data", "app_mail", "other"]) {
    putSnapshot(store, { context: undefined, volume }, OLD);
  }
  putSnapshot(store, { context: "work", volume: "app_data" }, OLD);
  const titles = async (pattern: string, context?: string): Promise<readonly string[]> =>
    (await catalog(store, context).volumes(pattern)).map(volumeTitle);
  assert.deepEqual(await titles("app_*"), ["app_data", "app_mail", "work/app_data"]);
  assert.deepEqual(await titles("app_*", "home"), ["app_data", "app_mail"]);
  assert.deepEqual(await titles("work/*"), ["app_data", "app_mail", "other", "work/app_data"]);
  await assert.rejects(catalog(store).volumes("ap_*"), {
    code: "snapshot.not-found",
    message: "there is no snapshot of ap_*; did you mean app_data?",
  });
});
