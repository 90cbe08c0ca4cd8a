import assert from "node:assert/strict";
import { HERE, put, sidecarFor, assertNothing, refused, type Checks } from "./store-bench.ts";

export const CHANGING: Checks = {
  "an amendment adds to the sidecar and keeps what it does not know": async ({
    store,
    again,
    writeSidecar,
  }) => {
    const snapshot = await put(store, HERE);
    const text = JSON.stringify({ ...sidecarFor(HERE, Buffer.from("data")), from_later: [1] });
    await writeSidecar(snapshot, text);
    const fields = { verified_at: "2026-12-01T00:00:00Z" };
    await store.amend(snapshot.archivePath, { verified_at: "2026-11-30T00:00:00Z" });
    const amended = await store.amend(snapshot.archivePath, fields);
    assert.equal(amended.verified_at, fields.verified_at);
    const { sidecar } = await again().describe(snapshot);
    assert.deepEqual(sidecar, { ...JSON.parse(text), ...fields });
    assert.deepEqual(await again().list(), [{ ...HERE, snapshots: [snapshot], leftovers: [] }]);
  },

  "an amendment takes out what is undefined in it": async ({ store, again }) => {
    const snapshot = await put(store, HERE);
    const found = { damaged_at: "2026-11-30T00:00:00Z", verified_at: undefined };
    await store.amend(snapshot.archivePath, { verified_at: "2026-11-29T00:00:00Z" });
    const amended = await store.amend(snapshot.archivePath, found);
    assert.equal(amended.damaged_at, found.damaged_at);
    const { sidecar, problem } = await again().describe(snapshot);
    assert.deepEqual(sidecar, {
      ...sidecarFor(HERE, Buffer.from("data")),
      damaged_at: found.damaged_at,
    });
    assert.match(problem ?? "", /^found damaged at 2026-11-30T00:00:00Z$/);
    await store.amend(snapshot.archivePath, { damaged_at: undefined });
    assert.equal((await again().describe(snapshot)).problem, undefined);
  },

  "data that is empty is a problem, whatever its sidecar says of its length": async ({ store }) => {
    const empty = await put(store, HERE, Buffer.alloc(0));
    assert.match((await store.describe(empty)).problem ?? "", /is empty/);
  },

  "who reads during amendments sees the old sidecar or the new one": async ({ store, again }) => {
    const snapshot = await put(store, HERE);
    const amended = new AbortController();
    const amending = (async () => {
      for (let i = 0; i < 20; i += 1) {
        await store.amend(snapshot.archivePath, { notes: "x".repeat(20_000 - i * 900) });
      }
    })().finally(() => amended.abort());
    const reader = again();
    do {
      assert.equal((await reader.describe(snapshot)).problem, undefined);
      await new Promise((resolve) => setImmediate(resolve));
    } while (!amended.signal.aborted);
    await amending;
  },

  "what has no valid sidecar is not amended": async ({ store, writeSidecar }) => {
    const snapshot = await put(store, HERE);
    await writeSidecar(snapshot, "{}");
    await assert.rejects(store.amend(snapshot.archivePath, { notes: "x" }), refused("integrity"));
    assert.equal((await store.describe(snapshot)).sidecar, undefined);
    await store.remove(snapshot);
    await assert.rejects(store.amend(snapshot.archivePath, { notes: "x" }), refused("failed"));
    await assertNothing(store);
  },

  "what is removed is gone, and removing it again is no error": async ({ store, again }) => {
    const snapshot = await put(store, HERE);
    const other = await put(store, HERE);
    await store.remove(snapshot);
    await store.remove(snapshot);
    await again().remove(snapshot);
    assert.deepEqual(await store.snapshotsOf(HERE), [other]);
    await assert.rejects(store.open(snapshot.archivePath), refused("failed"));
    assert.notEqual((await store.describe(snapshot)).problem, undefined);
    await Promise.all([store.remove(other), again().remove(other)]);
    await assertNothing(store);
  },
};
