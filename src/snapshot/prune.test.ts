import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { planPrune, type PruneCandidate } from "./prune.ts";

const NOW = new Date("2026-11-24T00:00:00Z");
const NOTHING = { lastOne: false, lastVerified: false };

function candidate(day: number, more: Partial<PruneCandidate> = {}): PruneCandidate {
  const time = new Date(Date.UTC(2026, 0, day));
  return {
    time,
    note: undefined,
    isVerified: false,
    problem: undefined,
    isSafety: false,
    otherVolume: undefined,
    ...more,
  };
}

/** `day: reasons`, the newest first; no reasons where it goes. */
function plan(
  candidates: readonly PruneCandidate[],
  policy: Parameters<typeof planPrune>[1],
  allowed = NOTHING,
): readonly string[] {
  return planPrune(candidates, policy, allowed, NOW).map(
    ({ snapshot, keptBy }) => `${snapshot.time.getUTCDate()}: ${keptBy.join(", ")}`,
  );
}

test("the newest one, and the last verified one, stay whatever the rules say", () => {
  const all = [candidate(1), candidate(2, { isVerified: true }), candidate(3)];
  const rules = { note: "none has this" };
  assert.deepEqual(plan(all, rules), ["3: the newest of all", "2: the last verified one", "1: "]);
  assert.deepEqual(plan(all, rules, { lastOne: true, lastVerified: false }), [
    "3: ",
    "2: the last verified one",
    "1: ",
  ]);
  assert.deepEqual(plan(all, rules, { lastOne: false, lastVerified: true }), [
    "3: the newest of all",
    "2: ",
    "1: ",
  ]);
});

test("a damaged one takes no place of a good one, and is not removed either", () => {
  const all = [candidate(1), candidate(2), candidate(3, { problem: "cut short" })];
  assert.deepEqual(plan(all, { last: 1 }), ["3: damaged: look at it yourself", "2: last", "1: "]);
});

test("what a restore in place saved takes no place of others, and is not removed either", () => {
  const all = [candidate(1), candidate(2), candidate(3, { isSafety: true, isVerified: true })];
  assert.deepEqual(plan(all, { last: 1 }), [
    "3: from before a restore in place: remove it with `snapshot remove`",
    "2: last",
    "1: ",
  ]);
});

test("one of another volume takes no place of this one's, and is not removed either", () => {
  const all = [candidate(1), candidate(2), candidate(3, { otherVolume: "db", isVerified: true })];
  assert.deepEqual(plan(all, { last: 1 }), [
    "3: of volume db: look at it yourself",
    "2: last",
    "1: ",
  ]);
});

test("unless both are said a sound snapshot is always left, and a verified one where there was one", () => {
  const any = fc.record(
    {
      time: fc.nat(500).map((hours) => new Date(Date.UTC(2026, 0, 1, hours))),
      note: fc.constantFrom(undefined, "a"),
      isVerified: fc.boolean(),
      problem: fc.constantFrom(undefined, undefined, "cut short"),
      isSafety: fc.constantFrom(false, false, true),
      otherVolume: fc.constantFrom(undefined, undefined, "other"),
    },
    { noNullPrototype: true },
  );
  const rules = fc.constantFrom(
    { note: "b" },
    { last: 1 },
    { daily: 2, within: "1d" },
    { yearly: 1 },
  );
  fc.assert(
    fc.property(fc.array(any), rules, (candidates, policy) => {
      const kept = planPrune(candidates, policy, NOTHING, NOW)
        .filter(({ keptBy }) => keptBy.length > 0)
        .map(({ snapshot }) => snapshot);
      const sound = candidates.filter(
        (each) => (each.problem ?? each.otherVolume) === undefined && !each.isSafety,
      );
      for (const group of [sound, sound.filter(({ isVerified }) => isVerified)]) {
        if (group.length > 0) assert.ok(kept.some((snapshot) => group.includes(snapshot)));
      }
      assert.ok(candidates.every((each) => sound.includes(each) || kept.includes(each)));
    }),
  );
});
