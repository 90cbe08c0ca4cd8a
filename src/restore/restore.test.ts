import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { contentsOf, FakeDisk } from "../../test/fakes/contents.ts";
import type { FakeReply } from "../../test/fakes/helper.ts";
import { House } from "../../test/fakes/house.ts";
import { fakeTarget } from "../../test/fakes/surroundings.ts";
import { type ErrorCode } from "../errors.ts";
import { pathWord } from "../helper/words.ts";
import { undoVolume } from "./undo.ts";
import { restore, assertFails } from "../../test/fakes/restoring.ts";

test("new contents take the place of old ones, and containers run again", async () => {
  const house = await House.build();
  house.user("app", "running", { restart: "always" });
  house.user("paused", "paused");
  house.user("at rest", "created");
  const before = house.users();
  const report = await restore(house);
  assert.equal(house.inPlace, "new");
  assert.equal(house.kept, "nothing");
  assert.deepEqual(house.users(), before);
  assert.deepEqual(house.left(), []);
  assert.deepEqual([...house.disk.stagings], []);
  assert.deepEqual(
    report.containers.map(({ name, outcome }) => [name, outcome]),
    [
      ["app", "started"],
      ["paused", "started"],
    ],
  );
  const { checkedBy, createdVolume, keptPrevious, dryRun, entries } = report;
  assert.deepEqual(
    { checkedBy, createdVolume, keptPrevious, dryRun, entries },
    { checkedBy: "reading", createdVolume: false, keptPrevious: false, dryRun: false, entries: 2 },
  );
  assert.match(house.tools.log.warnings.join(), /has no sidecar/);
});

test("the phases of a restore are told as they begin, with the volume", async () => {
  const house = await House.build();
  house.user("app", "running");
  await restore(house, { verify: true });
  assert.deepEqual(
    house.tools.events.map(({ phase }) => phase),
    ["check", "extract", "verify", "stop", "swap", "start", "health", "clean-up"],
  );
  for (const { volumes } of house.tools.events) assert.deepEqual(volumes, ["data"]);
});

test("what a restore replaces is kept, undone, and undone again", async () => {
  const house = await House.build();
  house.user("app");
  assert.equal((await restore(house, { keepPrevious: true })).keptPrevious, true);
  assert.deepEqual([house.inPlace, house.kept], ["new", "old"]);
  assert.deepEqual(house.left(), ["dockform-kept-contents-data"]);
  const undo = (): ReturnType<typeof undoVolume> =>
    undoVolume(
      { target: house.target(), undeclared: true, stopContainers: true, healthTimeoutMs: 0 },
      house.tools,
    );
  assert.equal((await undo()).returned.replaced_by, "/memory/new.tar");
  assert.deepEqual([house.inPlace, house.kept], ["old", "new"]);
  await undo();
  assert.deepEqual([house.inPlace, house.kept], ["new", "old"]);
  assert.deepEqual(house.left(), ["dockform-kept-contents-data"]);
  assert.equal(house.engine.container("app").state, "running");
});

const EXTRACTED = { tar_status: "0", zstd_status: "0", marked_end: "1", after_end: "0" };

test("an archive that does not come out as it was counted is not put in place", async () => {
  const cases: readonly (readonly [ErrorCode, RegExp, (reply: FakeReply) => FakeReply])[] = [
    [
      "restore.extract-failed",
      /tar: x: Cannot open: No space/,
      () => ({
        status: 0,
        facts: { ...EXTRACTED, tar_status: "2", entries: "2", blocks: "3" },
        messages: ["tar: x: Cannot open: No space left on device"],
      }),
    ],
    [
      "archive.damaged",
      /holds more than/,
      ({ facts }) => ({ facts: { ...facts, over_limit: "" } }),
    ],
    [
      "archive.damaged",
      /cut short/,
      ({ facts, messages = [] }) => ({
        facts: { ...facts, marked_end: "0" },
        messages,
      }),
    ],
    [
      "archive.damaged",
      /follows|after/,
      ({ facts, messages = [] }) => ({
        facts: { ...facts, after_end: "1" },
        messages,
      }),
    ],
    [
      "archive.damaged",
      /holds 7 entries and/,
      ({ facts, messages = [] }) => ({
        facts: { ...facts, entries: "7" },
        messages,
      }),
    ],
  ];
  for (const [code, message, change] of cases) {
    const house = await House.build();
    house.user("app");
    house.contents.instead.set("extract", async (call, real) => change(await real(call)));
    await assertFails(house, code, message);
    assert.equal(house.engine.container("app").startedAt, "2026-01-01T00:00:00.002Z");
  }
});

test("an archive that is another one by the time it is extracted is not put in place", async () => {
  const house = await House.build();
  const other = await contentsOf("NEW");
  const { store } = house;
  const open = store.open.bind(store);
  let reads = 0;
  store.open = async (path) => ({
    ...(await open(path)),
    async *chunks() {
      reads += 1;
      yield reads === 1 ? house.newContents : other;
    },
  });
  await assertFails(house, "archive.damaged", /not what was checked before/);
});

test("a name of ours in an archive is left out with a word", async () => {
  const house = await House.build();
  house.contents.instead.set("extract", async (call, real) => {
    const { facts, ...reply } = await real(call);
    return { ...reply, facts: { ...facts, left_out: ".dockform-kept" } };
  });
  await restore(house);
  assert.match(house.tools.log.warnings.join(), /left out \.dockform-kept of the archive/);
});

test("some paths change places, and nothing else is looked at", async () => {
  const house = await House.build();
  const paths = ["file"];
  const word = pathWord("file");
  house.disk.paths.set(word, "there");
  await assertFails(house, "volume.path-taken", /holds file already/, { paths, force: false });
  house.disk.paths.set(word, "through");
  await assertFails(house, "volume.path-through-link", /the path to file leads/, { paths });
  house.disk.paths.set(word, "free");
  await assertFails(house, "archive.path-not-found", /no-such/, { paths: ["no-such"] });
  house.contents.failOnce("limit_to", "");
  await assertFails(house, "restore.paths-changed", /have changed in the meantime/, { paths });
  await restore(house, { paths, force: false });
  assert.ok(house.contents.asked.includes("limit_to"));
});

test("a missing volume is created, and removed again where the restore fails and it holds nothing", async () => {
  const house = await House.build();
  const store = house.store;
  house.contents.disks.set("fresh", new FakeDisk(await contentsOf("")));
  const target = { ...fakeTarget(new FakeClient(house.engine), "fresh"), store };
  const request = { target, create: true, undeclared: false };
  house.contents.failOnce("probe", "no");
  await assert.rejects(restore(house, request), { code: "volume.unwritable" });
  assert.ok(!house.engine.volumes.has("fresh"));
  const dry = await restore(house, { ...request, dryRun: true });
  assert.equal(dry.createdVolume, true);
  assert.ok(!house.engine.volumes.has("fresh"));
  const { createdVolume } = await restore(house, request);
  assert.equal(createdVolume, true);
  assert.ok(house.contents.disk("fresh").contents.equals(house.newContents));
  assert.deepEqual(house.left(), []);
});

test("a created volume that something was written to stays, and that is said", async () => {
  const house = await House.build();
  house.contents.disks.set("fresh", new FakeDisk(await contentsOf("")));
  const target = { ...fakeTarget(new FakeClient(house.engine), "fresh"), store: house.store };
  house.contents.instead.set("swap", () => {
    house.contents.disk("fresh").contents = house.oldContents;
    return { status: 1, facts: { swapped_back: "" } };
  });
  await assert.rejects(restore(house, { target, create: true }), { code: "restore.swap-failed" });
  assert.ok(house.engine.volumes.has("fresh"));
  assert.match(house.tools.log.warnings.join(), /stays: it holds files\./);
});
