import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeAgent, type FakeAnswer } from "../../test/fakes/agent.ts";
import { VolumeVerbs } from "./verbs.ts";

const ID = "0123456789ab";
const { signal } = new AbortController();

function verbsThat(answer: FakeAnswer): { readonly agent: FakeAgent; readonly verbs: VolumeVerbs } {
  const agent = new FakeAgent(() => answer);
  return { agent, verbs: new VolumeVerbs(agent) };
}

async function* source(): AsyncGenerator<Uint8Array> {
  yield Buffer.from("data");
}

test("what is in a volume is known by its first entry, its space and the sides of its folders", async () => {
  const facts = {
    first_entry: "",
    space: "10 4096 5 0 100",
    mounted: "",
    kept: "a%20text",
    unfinished_1: " new.partial",
    unfinished_2: " new old.partial",
    unfinished_3: " old",
    unfinished_4: " kept old",
    unfinished_5: " back",
    unfinished_6: " old safety",
    unfinished_7: " new",
    aside_1: "its/path",
  };
  const files = await verbsThat({ facts }).verbs.inspect();
  assert.equal(files.failure, undefined);
  const { unfinished, ...others } = files;
  assert.deepEqual(others, {
    empty: true,
    freeBytes: 40_960,
    totalBytes: 409_600,
    freeInodes: Number.POSITIVE_INFINITY,
    missingTool: undefined,
    mounted: undefined,
    keptAbout: "a text",
    setAside: ["its/path"],
  });
  const between = unfinished.filter((each) => each.betweenOldAndNew).map(({ id }) => id);
  assert.deepEqual(between, ["2", "4", "5", "6"]);
  assert.equal(unfinished.length, 7);
});

test("a look into a volume that says anything else has failed", async () => {
  const facts = { first_entry: "a", space: "1 1 1 1 1" };
  for (const [answer, failure] of [
    [{ facts, messages: ["find: cannot"] }, "find: cannot"],
    [{ facts, status: 1 }, "status 1"],
    [{ facts: {} }, "status 0"],
  ] as const) {
    assert.deepEqual(await verbsThat(answer).verbs.inspect(), { failure });
  }
});

test("a swap ends with contents in place, or between old and new", async () => {
  for (const [facts, inPlace] of [
    [{ swapped: "" }, "after"],
    [{ returned: "", swapped: "" }, "returned"],
    [{ swapped_back: "" }, "before"],
    [{ needs_safety: "where" }, undefined],
    [{}, undefined],
  ] as const) {
    assert.equal((await verbsThat({ facts }).verbs.recover(ID)).inPlace, inPlace);
  }
  const answer = {
    status: 1,
    facts: { stays: "", unmovable: "18 a b", file_system_type: "fuse", safety: "%7B%7D" },
    messages: ["first", "cannot move"],
  };
  assert.deepEqual(await verbsThat(answer).verbs.swapBack(ID, undefined), {
    inPlace: undefined,
    safety: "{}",
    needsSafety: false,
    stays: true,
    obstacle: { errno: 18, name: "a b", fileSystemType: "fuse" },
    cause: "cannot move",
  });
  const needed = await verbsThat({ facts: { needs_safety: "a%25" } }).verbs.recover(ID);
  assert.deepEqual([needed.needsSafety, needed.safety], [true, "a%"]);
});

test("texts and paths are single words on their way, whatever is in them", async () => {
  const { agent, verbs } = verbsThat({});
  const path = Buffer.from("a b\n\u00e9").toString("latin1");
  await verbs.swap(ID, '{"a": "b c"}');
  await verbs.swap(ID, undefined);
  await verbs.limitTo(ID, [path]);
  await verbs.accept(ID, "after");
  await verbs.accept(ID, "returned");
  assert.deepEqual(agent.verbs, [
    ["swap", ID, "%7B%22a%22%3A%20%22b%20c%22%7D"],
    ["swap", ID],
    ["limit_to", ID, String.raw`\0141\0040\0142\0012\0303\0251`],
    ["accept", ID],
    ["accept", ID, "returned"],
  ]);
});

test("a path stands there, is free, or leads elsewhere", async () => {
  const facts = { "path_\\0141": "there", "path_\\0142": "free", "path_\\0143": "through" };
  const standings = await verbsThat({ facts }).verbs.lookAt(["a", "b", "c", "d"], signal);
  assert.deepEqual([...standings.values()], ["there", "free", "through", "through"]);
});

test("an extraction is told its limit and what is not to be set, and tells what it did", async () => {
  const facts = { tar_status: "2", roots: "0", left_out: ".dockform-kept", over_limit: "1" };
  const { agent, verbs } = verbsThat({ facts });
  const request = {
    id: ID,
    compression: "zstd",
    tarBytes: 61_441,
    noAcls: true,
    noSetId: true,
    mayLeaveOut: () => false,
  } as const;
  const extracted = await verbs.extract(source(), request, { signal });
  assert.deepEqual(agent.verbs, [["extract", ID, "-", "zstd", "4", "no_acls", "no_set_id"]]);
  const { isOverLimit, isReady, reservedName, tookRoot } = extracted;
  assert.deepEqual(
    [isOverLimit, isReady, reservedName, tookRoot],
    [true, false, ".dockform-kept", false],
  );
  const plain = verbsThat({ facts: { tar_status: "0", roots: "1" } });
  const whole = await plain.verbs.extract(
    source(),
    { ...request, noAcls: false, noSetId: false },
    { signal },
  );
  assert.deepEqual(plain.agent.verbs, [["extract", ID, "-", "zstd", "4"]]);
  assert.deepEqual([whole.isOverLimit, whole.isReady, whole.tookRoot], [false, true, true]);
});

test("a folder that is put away tells what stays of it, and what is kept", async () => {
  const folder = `.dockform-trash-${ID}`;
  const answer = {
    status: 1,
    facts: {
      put_away: "",
      aside: "a/b",
      [`left_${ID}`]: "",
      subvolume_1: `${folder}/sub`,
      subvolume_2: "elsewhere",
      kept: "about",
      kept_kilobytes: "3",
    },
    messages: ["rm: cannot"],
  };
  assert.deepEqual(await verbsThat(answer).verbs.conclude(ID), {
    failure: "rm: cannot",
    putAway: true,
    leftovers: [{ folder, cause: "rm: cannot", subvolumes: [`${folder}/sub`] }],
    aside: "a/b",
    kept: { about: "about", bytes: 3072 },
  });
  assert.deepEqual(await verbsThat({}).verbs.discard(ID), {
    failure: undefined,
    putAway: false,
    leftovers: [],
    aside: undefined,
    kept: undefined,
  });
});

test("what the volume was cleared of is not told by a status", async () => {
  assert.equal(
    await verbsThat({ facts: { cleared: "" }, status: 1 }).verbs.clear(ID, "s"),
    undefined,
  );
  assert.equal(await verbsThat({ messages: ["not all"] }).verbs.clear(ID, "s"), "not all");
});

test("attributes are counted by name, or it is said why they cannot be", async () => {
  const counted = await verbsThat({ facts: { "attribute_user.a": "2" } }).verbs.attributes(signal);
  assert.deepEqual(counted, { counts: new Map([["user.a", 2]]) });
  const unknown = { attributes_unknown: "the helper has no getfattr" };
  assert.deepEqual(await verbsThat({ facts: unknown }).verbs.attributes(signal), {
    failure: "the helper has no getfattr",
  });
  assert.deepEqual(await verbsThat({ status: 3 }).verbs.attributes(signal), {
    failure: "the helper ended with status 3",
  });
});
