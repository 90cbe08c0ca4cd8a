import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStore } from "../../test/fakes/memory-store.ts";
import { putSnapshot } from "../../test/fakes/stored.ts";
import { parseInterval } from "../snapshot/duration.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import { volumeFreshness, type Freshness } from "./freshness.ts";
import type { Leftover } from "./store.ts";

const HERE = { context: undefined, volume: "data" };
const NOW = new Date("2026-11-24T12:00:00Z");
const HOUR_MS = 3_600_000;

/** How a volume stands with snapshots of these days of November. */
async function stands(
  snapshots: Readonly<Record<number, Partial<Sidecar>>>,
  leftovers: readonly Leftover[] = [],
): Promise<Freshness> {
  const store = new MemoryStore();
  for (const [day, fields] of Object.entries(snapshots)) {
    putSnapshot(store, HERE, `2026-11-${day}T12:00:00Z`, fields);
  }
  const listed = (await store.list()).map((each) => ({ ...each, leftovers }));
  return volumeFreshness("data", store, listed, parseInterval("2d"), NOW);
}

test("a newest snapshot that is cut short is told, and the one before it is what counts", async () => {
  const { state, ageMs, newest, damaged } = await stands({ 23: {}, 24: { stored_bytes: 5 } });
  assert.equal(state, "damaged");
  assert.equal(ageMs, 24 * HOUR_MS);
  assert.equal(newest?.time.getUTCDate(), 23);
  assert.match(damaged[0]?.problem ?? "", /4 bytes long, and was 5/);
});

test("damage that was found in any of them is told until it is gone", async () => {
  const damaged_at = "2026-11-24T01:00:00Z";
  const found = await stands({ 20: { damaged_at }, 24: {} });
  assert.equal(found.state, "damaged");
  assert.equal(found.damaged.length, 1);
  assert.equal((await stands({ 20: {}, 24: {} })).state, "fresh");
  const alone = await stands({ 24: { damaged_at } });
  assert.deepEqual([alone.state, alone.newest, alone.ageMs], ["damaged", undefined, undefined]);
});

test("a sidecar without its data is a loss; other leftovers are none", async () => {
  const path = "/memory/data/a.json";
  assert.equal((await stands({ 24: {} }, [{ path, kind: "unfinished" }])).state, "fresh");
  const { state, damaged } = await stands({ 24: {} }, [{ path, kind: "no data" }]);
  assert.equal(state, "damaged");
  assert.deepEqual(damaged, [{ path, problem: "its data is missing" }]);
});

test("what a restore in place saved makes no volume fresh, nor does another volume's", async () => {
  const { state, ageMs } = await stands({
    20: {},
    23: { purpose: "safety" },
    24: { volume_name: "other" },
  });
  assert.equal(state, "stale");
  assert.equal(ageMs, 4 * 24 * HOUR_MS);
});
