import assert from "node:assert/strict";
import { sampleSidecar } from "./sidecar.ts";
import {
  HERE,
  NOON_MS,
  SPEC_HASH,
  begin,
  put,
  sidecarFor,
  contentOf,
  assertNothing,
  refused,
  type Checks,
} from "./store-bench.ts";

export const WRITING: Checks = {
  "one that nobody wrote to is empty": async ({ store }) => {
    await assertNothing(store);
    assert.deepEqual(await store.snapshotsOf(HERE), []);
  },

  "nothing is a snapshot before it is committed, and then all of it is": async ({
    store,
    again,
  }) => {
    await using pending = await begin(store, HERE);
    await pending.write(Buffer.from("data"));
    for (const each of [store, again()]) {
      assert.deepEqual(await each.snapshotsOf(HERE), []);
      const listed = await each.list();
      assert.deepEqual(
        listed.flatMap(({ snapshots }) => snapshots),
        [],
      );
    }
    const sidecar = sidecarFor(HERE, Buffer.from("data"));
    const snapshot = await pending.commit(sidecar);
    assert.equal(snapshot.time.getTime(), pending.time.getTime());
    assert.equal(snapshot.specHash, SPEC_HASH);
    for (const each of [store, again()]) {
      assert.deepEqual(await each.snapshotsOf(HERE), [snapshot]);
      const [listed, ...others] = await each.list();
      assert.deepEqual(listed, { ...HERE, snapshots: [snapshot], leftovers: [] });
      assert.deepEqual(others, []);
      const described = await each.describe(snapshot);
      assert.deepEqual(described, { ...snapshot, storedBytes: 4, sidecar, problem: undefined });
    }
  },

  "a name says the second in which it was begun, and the format": async ({ store }) => {
    for (const format of ["tar", "tar.zst"] as const) {
      const snapshot = await put(store, { ...HERE, volume: format }, Buffer.of(1), { format });
      assert.equal(snapshot.time.toISOString(), "2026-11-23T12:00:00.000Z");
      assert.ok(snapshot.archivePath.endsWith(`2026-11-23T12-00-00Z__spec-${SPEC_HASH}.${format}`));
    }
  },

  "what is given up leaves nothing": async ({ store }) => {
    {
      await using pending = await begin(store, HERE);
      await pending.write(Buffer.from("data"));
    }
    await assertNothing(store);
  },

  "a commit that fails leaves nothing": async ({ store, spoilCommit }) => {
    {
      await using pending = await begin(store, HERE);
      await pending.write(Buffer.from("data"));
      await spoilCommit(HERE, pending);
      await assert.rejects(pending.commit(sampleSidecar()), refused("failed"));
      assert.deepEqual(await store.snapshotsOf(HERE), []);
    }
    await assertNothing(store);
  },

  "a snapshot is not begun once the signal is aborted": async ({ store }) => {
    const signal = AbortSignal.abort(new Error("enough"));
    await assert.rejects(begin(store, HERE, { signal }), /enough/);
    await assertNothing(store);
  },

  "who waits for the next second stops waiting when the signal is aborted": async ({ store }) => {
    await using first = await begin(store, HERE);
    const controller = new AbortController();
    const stopped = (): Date => new Date(NOON_MS);
    const second = begin(store, HERE, { now: stopped, signal: controller.signal });
    controller.abort(new Error("enough"));
    await assert.rejects(second, /enough/);
    await first.commit(sampleSidecar());
    assert.equal((await store.snapshotsOf(HERE)).length, 1);
  },

  "two snapshots within one second have two names, also of two clients": async ({
    store,
    again,
  }) => {
    const clients = [store, again(), store, again()];
    const pending = await Promise.all(clients.map((client) => begin(client, HERE)));
    for (const [i, each] of pending.entries()) await each.write(Buffer.of(i));
    const snapshots = await Promise.all(pending.map((each) => each.commit(sampleSidecar())));
    for (const each of pending) await each[Symbol.asyncDispose]();
    const late = await put(again(), HERE);
    const seconds = new Set([...snapshots, late].map(({ time }) => time.getTime()));
    assert.equal(seconds.size, 5);
    for (const [i, snapshot] of snapshots.entries()) {
      assert.deepEqual([...(await contentOf(store, snapshot))], [i]);
    }
    assert.equal((await store.snapshotsOf(HERE)).length, 5);
  },

  "one second may have a snapshot of each volume": async ({ store }) => {
    const [a, b] = [
      { ...HERE, volume: "a" },
      { ...HERE, volume: "b" },
    ];
    await using first = await begin(store, a);
    await using second = await begin(store, b);
    assert.equal(first.time.getTime(), second.time.getTime());
    await Promise.all([first.commit(sampleSidecar()), second.commit(sampleSidecar())]);
    for (const place of [a, b]) assert.equal((await store.snapshotsOf(place)).length, 1);
  },
};
