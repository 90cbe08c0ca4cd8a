import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSnapshotReference, pickSnapshot, type PassedOver } from "./pick.ts";

const SNAPSHOTS = [
  "2026-11-22T02:15:40",
  "2026-11-23T02:15:40",
  "2026-11-23T14:15:40",
  "2026-11-24T02:15:40",
].map((time) => ({ time: new Date(`${time}Z`), specHash: "1a2b3c4d" }));

async function pick(which: string): Promise<string> {
  return (await pickSnapshot(SNAPSHOTS, which, "data")).time.toISOString().slice(0, 16);
}

test("a snapshot is named by how new it is", async () => {
  assert.equal(await pick("latest"), "2026-11-24T02:15");
  assert.equal(await pick("latest~0"), "2026-11-24T02:15");
  assert.equal(await pick("latest~3"), "2026-11-22T02:15");
});

test("a snapshot is named by its time, or the beginning of one, in any usual spelling", async () => {
  const spellings = [
    "2026-11-22",
    "2026-11-22T02",
    "2026-11-22T02:15",
    "2026-11-22 02:15:40",
    "2026-11-22t02-15-40z",
    "2026-11-22T02-15-40Z__spec-1a2b3c4d",
  ];
  for (const which of spellings) assert.equal(await pick(which), "2026-11-22T02:15", which);
});

test("what is not one alone is refused, with those that could be meant", async () => {
  await assert.rejects(() => pick("2026-11-23"), {
    kind: "usage",
    message: "2 snapshots of volume data begin with 2026-11-23",
    advice: [
      {
        code: "choose-snapshot",
        names: ["2026-11-23T14-15-40Z__spec-1a2b3c4d", "2026-11-23T02-15-40Z__spec-1a2b3c4d"],
      },
    ],
  });
  await assert.rejects(() => pick("latest~4"), {
    message: "volume data has no latest~4: it has only 4",
  });
  await assert.rejects(() => pick("2025"), {
    message: "volume data has no snapshot of 2025",
    advice: [
      {
        code: "choose-snapshot",
        names: [
          "2026-11-24T02-15-40Z__spec-1a2b3c4d",
          "2026-11-23T14-15-40Z__spec-1a2b3c4d",
          "2026-11-23T02-15-40Z__spec-1a2b3c4d",
          "2026-11-22T02-15-40Z__spec-1a2b3c4d",
        ],
      },
    ],
  });
  await assert.rejects(() => pick("newest"), { kind: "usage", hint: /latest~1/ });
  await assert.rejects(() => pick("2026-1"), { kind: "usage", hint: /latest~1/ });
  await assert.rejects(() => pickSnapshot([], "latest", "data"), {
    code: "snapshot.none",
    advice: [{ code: "take-first-snapshot", volume: "data" }],
  });
});

test("two of one second are told apart by what follows the time", async () => {
  const [first] = SNAPSHOTS;
  assert.ok(first);
  const twins = [first, { ...first, specHash: "00000000" }];
  await assert.rejects(() => pickSnapshot(twins, "2026-11-22T02:15:40Z", "data"), /2 snapshots/);
  const second = await pickSnapshot(twins, "2026-11-22T02:15:40Z__spec-0", "data");
  assert.equal(second.specHash, "00000000");
});

test("a reference is a path, a volume's snapshot, or a volume for its latest one", () => {
  const stored = (volume: string | undefined, which: string): unknown => ({
    kind: "stored",
    volume,
    which,
  });
  const path = (text: string): unknown => ({ kind: "path", path: text });
  assert.deepEqual(parseSnapshotReference("data@latest~1"), stored("data", "latest~1"));
  assert.deepEqual(parseSnapshotReference("backup/data@2026"), stored("backup/data", "2026"));
  assert.deepEqual(parseSnapshotReference("backup/data"), stored("backup/data", "latest"));
  for (const text of [
    "a.tar",
    "x/a.tar.zst",
    "./a",
    "../a",
    "/a@b",
    "a@b.tar",
    "a.tar.gz",
    "a.tgz",
    "a.tzst",
  ]) {
    assert.deepEqual(parseSnapshotReference(text), path(text));
  }
  // Where the command says the volume, what stands alone says which.
  assert.deepEqual(parseSnapshotReference("2026-11-23", true), stored(undefined, "2026-11-23"));
  assert.deepEqual(parseSnapshotReference("other@latest", true), stored("other", "latest"));
  assert.deepEqual(parseSnapshotReference("my.app@latest", true), stored("my.app", "latest"));
  assert.deepEqual(parseSnapshotReference("b/data@2026-11", true), stored("b/data", "2026-11"));
  assert.deepEqual(parseSnapshotReference("folder/file", true), path("folder/file"));
  assert.deepEqual(parseSnapshotReference("my@host/file", true), path("my@host/file"));
});

test("the latest ones are the volume's own; a stranger is named by its time", async () => {
  const newest = SNAPSHOTS.at(-1);
  const passOver = async (snapshot: (typeof SNAPSHOTS)[number]): Promise<PassedOver | undefined> =>
    snapshot === newest ? "stranger" : undefined;
  const own = async (which: string): Promise<string> => {
    const { time } = await pickSnapshot(SNAPSHOTS, which, "data", passOver);
    return time.toISOString().slice(0, 16);
  };
  assert.equal(await own("latest"), "2026-11-23T14:15");
  assert.equal(await own("latest~1"), "2026-11-23T02:15");
  assert.equal(await own("2026-11-24"), "2026-11-24T02:15");
  await assert.rejects(() => own("latest~3"), {
    message: "volume data has no latest~3: it has only 3",
  });
  await assert.rejects(
    () => pickSnapshot(SNAPSHOTS.slice(0, 1), "latest", "data", async () => "stranger"),
    {
      message:
        "volume data has no good snapshot of its own: those in its folder are of other volumes",
      advice: [{ code: "choose-snapshot", names: ["2026-11-22T02-15-40Z__spec-1a2b3c4d"] }],
    },
  );
});
