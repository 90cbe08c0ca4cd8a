import assert from "node:assert/strict";
import { type StoredSnapshot, type StoredVolume } from "../../src/store/store.ts";
import { HERE, begin, secondsGoBy, put, refused, type Checks } from "./store-bench.ts";

/** Names that engines do not allow, and some that they do; a file system or a program may take them for something. */
const ODD_NAMES = [
  "A",
  "a",
  "a b",
  "-rf",
  "~",
  "*",
  "x\ny",
  "\u001b[31m",
  "é",
  "e\u0301",
  "__proto__",
  "constructor",
  ".hidden",
  ".x.partial",
  "2026-11-23T12-00-00Z__spec-00000000.json",
  "data.tar.zst",
  "..data",
  "C:",
  "a\\b",
];
const NO_NAMES = ["", ".", "..", "/", "a/b", "../data", "/etc", "a\0b"];

export const NAMES: Checks = {
  "volumes are listed by context and name, their snapshots the newest first": async ({ store }) => {
    const places: readonly StoredVolume[] = [
      { context: "b", volume: "x" },
      { context: undefined, volume: "z" },
      { context: "a", volume: "y" },
      { context: undefined, volume: "a" },
    ];
    const now = secondsGoBy();
    for (const place of [...places, ...places]) await put(store, place, undefined, { now });
    const listed = await store.list();
    assert.deepEqual(
      listed.map(({ context, volume }) => [context, volume]),
      [
        [undefined, "a"],
        ["a", "y"],
        ["b", "x"],
        [undefined, "z"],
      ],
    );
    for (const { context, volume, snapshots } of listed) {
      const [newer, older, ...others] = snapshots;
      assert.ok(newer !== undefined && older !== undefined && others.length === 0);
      assert.ok(newer.time.getTime() > older.time.getTime());
      assert.deepEqual(await store.snapshotsOf({ context, volume }), snapshots);
    }
  },

  "whatever a volume or a context is called, it is kept apart from all others": async ({
    store,
  }) => {
    const places = ODD_NAMES.flatMap((name): readonly StoredVolume[] => [
      { context: undefined, volume: name },
      { context: name, volume: "data" },
    ]);
    const written = new Map<string, StoredSnapshot>();
    for (const place of places) {
      written.set(JSON.stringify(place), await put(store, place, Buffer.from(place.volume)));
    }
    assert.equal(
      new Set([...written.values()].map((each) => each.archivePath)).size,
      places.length,
    );
    for (const place of places) {
      const snapshot = written.get(JSON.stringify(place));
      assert.deepEqual(await store.snapshotsOf(place), [snapshot]);
    }
    const listed = (await store.list()).filter(({ snapshots }) => snapshots.length > 0);
    assert.equal(listed.length, places.length);
  },

  "a name that leads elsewhere is refused": async ({ store }) => {
    await put(store, HERE);
    for (const name of NO_NAMES) {
      for (const place of [
        { context: undefined, volume: name },
        { context: name, volume: "data" },
      ]) {
        await assert.rejects(begin(store, place), refused("failed"), JSON.stringify(place));
        assert.deepEqual(await store.snapshotsOf(place), []);
      }
    }
    assert.equal((await store.list()).length, 1);
  },

  "there is a title, and room where it is known": async ({ store }) => {
    assert.notEqual(store.title, "");
    const room = await store.room(undefined);
    assert.ok(room === undefined || (room.freeBytes >= 0 && room.where !== ""));
    const [a, b] = ["a", "b"].map((volume) => store.placeOnThisMachine({ ...HERE, volume }));
    assert.ok(a === undefined ? b === undefined : a.startsWith("/") && a !== b);
  },
};
