import assert from "node:assert/strict";
import { test } from "node:test";
import { parseInterval } from "./duration.ts";
import { judgeFreshness, wantsAttention, type FreshnessFacts } from "./freshness.ts";

const NOW = new Date("2026-11-24T06:00:00Z");
const DAILY = parseInterval("1d");

function judge(time: string | undefined, facts: Partial<FreshnessFacts> = {}): string {
  const currentAt = time === undefined ? undefined : new Date(time);
  return judgeFreshness({ currentAt, anyDamaged: false, every: DAILY, ...facts }, NOW);
}

test("the newest snapshot may be as old as the manifest says, to the second", () => {
  assert.equal(judge("2026-11-24T02:15:40Z"), "fresh");
  assert.equal(judge("2026-11-23T06:00:00Z"), "fresh");
  assert.equal(judge("2026-11-23T05:59:59Z"), "stale");
  assert.equal(judge(undefined), "missing");
});

test("without an interval a snapshot of any age will do, but there must be one", () => {
  assert.equal(judge("2020-01-01T00:00:00Z", { every: undefined }), "present");
  assert.equal(judge(undefined, { every: undefined }), "missing");
});

test("a volume that needs none is left in peace", () => {
  assert.equal(judge(undefined, { every: "never" }), "excluded");
  assert.equal(judge("2020-01-01T00:00:00Z", { every: "never" }), "excluded");
});

test("a snapshot of a time to come must not hide for years that none is taken", () => {
  assert.equal(judge("2027-11-24T06:00:00Z"), "future");
  assert.equal(judge("2027-11-24T06:00:00Z", { every: undefined }), "future");
  assert.equal(judge("2026-11-24T06:59:59Z"), "fresh");
});

test("damage is told whatever else there is, but not of a volume that needs no snapshot", () => {
  assert.equal(judge("2026-11-24T02:15:40Z", { anyDamaged: true }), "damaged");
  assert.equal(judge(undefined, { anyDamaged: true }), "damaged");
  assert.equal(judge(undefined, { anyDamaged: true, every: "never" }), "excluded");
});

test("who is to be told", () => {
  const states = ["fresh", "present", "excluded", "stale", "missing", "future", "damaged"] as const;
  assert.deepEqual(states.filter(wantsAttention), ["stale", "missing", "future", "damaged"]);
});
