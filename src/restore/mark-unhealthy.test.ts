import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStore } from "../../test/fakes/memory-store.ts";
import { putSnapshot } from "../../test/fakes/stored.ts";
import { fakeTools } from "../../test/fakes/surroundings.ts";
import { DockformError } from "../errors.ts";
import { markingUnhealthy } from "./mark-unhealthy.ts";
import { UnhealthyError } from "./watch.ts";

const UNHEALTHY = new UnhealthyError([], { hint: "", advice: [] });

async function after(error: Error, hasSidecar: boolean, store = new MemoryStore()) {
  const here = { context: undefined, volume: "data" };
  const snapshot = putSnapshot(store, here, "2026-11-23T12:00:00Z");
  const tools = fakeTools();
  const { archivePath } = snapshot;
  const replace = async (): Promise<void> => {
    throw error;
  };
  await assert.rejects(
    markingUnhealthy({ store, archivePath }, () => hasSidecar, tools, replace),
    (thrown) => thrown === error,
  );
  const { sidecar, problem } = await store.describe(snapshot);
  return { at: sidecar?.unhealthy_at, problem, warnings: tools.log.warnings };
}

test("a snapshot on which containers were not healthy is marked so, and is no worse otherwise", async () => {
  assert.deepEqual(await after(UNHEALTHY, true), {
    at: "2026-01-02T03:04:05Z",
    problem: undefined,
    warnings: [],
  });
});

test("any other failure says nothing of the snapshot, nor has one without a sidecar a mark", async () => {
  assert.equal((await after(new Error("no engine"), true)).at, undefined);
  assert.equal((await after(UNHEALTHY, false)).at, undefined);
});

test("that it cannot be marked is a warning", async () => {
  const store = new MemoryStore();
  store.amendFailure = new DockformError("sidecar.unwritable", "read-only");
  const { warnings } = await after(UNHEALTHY, true, store);
  assert.match(warnings.join(), /is not recorded beside it: read-only/);
});
