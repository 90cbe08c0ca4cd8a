import assert from "node:assert/strict";
import { HEAD_BYTES } from "../../src/store/store.ts";
import { sampleSidecar } from "./sidecar.ts";
import {
  HERE,
  LARGE_BYTES,
  begin,
  secondsGoBy,
  put,
  sidecarFor,
  contentOf,
  collect,
  refused,
  type Checks,
} from "./store-bench.ts";

export const READING: Checks = {
  "several writes under way end up in their order": async ({ store }) => {
    const chunks = Array.from({ length: 40 }, (_, i) => Buffer.alloc(1 + i * 997, i));
    await using pending = await begin(store, HERE);
    await Promise.all(chunks.map((chunk) => pending.write(chunk)));
    const snapshot = await pending.commit(sampleSidecar());
    assert.ok((await contentOf(store, snapshot)).equals(Buffer.concat(chunks)));
  },

  "the bytes are the same however often they are read, also at once": async ({ store }) => {
    const data = Buffer.alloc(LARGE_BYTES, "0123456789abcdef-");
    const snapshot = await put(store, HERE, data);
    await using archive = await store.open(snapshot.archivePath);
    assert.equal(archive.storedBytes, data.length);
    assert.ok(archive.head.equals(data.subarray(0, HEAD_BYTES)));
    const reads = [archive.chunks(), archive.chunks()].map(collect);
    for (const read of await Promise.all(reads)) assert.ok(read.equals(data));
    assert.ok((await collect(archive.chunks())).equals(data));
  },

  "a chunk stays as it is until the next but one is asked for": async ({ store }) => {
    const data = Buffer.alloc(LARGE_BYTES, "0123456789abcdef-");
    const snapshot = await put(store, HERE, data);
    await using archive = await store.open(snapshot.archivePath);
    let position = 0;
    let previous: Uint8Array = Buffer.alloc(0);
    for await (const chunk of archive.chunks()) {
      const before = data.subarray(position - previous.length, position);
      assert.ok(before.equals(previous));
      position += chunk.length;
      previous = chunk;
    }
    assert.equal(position, data.length);
  },

  "who stops reading half-way can begin anew": async ({ store }) => {
    const data = Buffer.alloc(LARGE_BYTES, "0123456789abcdef-");
    const snapshot = await put(store, HERE, data);
    await using archive = await store.open(snapshot.archivePath);
    for await (const chunk of archive.chunks()) {
      assert.ok(chunk.length > 0);
      break;
    }
    assert.ok((await collect(archive.chunks())).equals(data));
  },

  "no bytes are a snapshot, too": async ({ store }) => {
    const snapshot = await put(store, HERE, Buffer.alloc(0));
    await using archive = await store.open(snapshot.archivePath);
    assert.equal(archive.storedBytes, 0);
    assert.equal(archive.head.length, 0);
    assert.equal((await collect(archive.chunks())).length, 0);
  },

  "what is open tells of its sidecar": async ({ store }) => {
    const snapshot = await put(store, HERE);
    await using archive = await store.open(snapshot.archivePath);
    assert.deepEqual(await archive.sidecar(), sidecarFor(HERE, Buffer.from("data")));
  },

  "a reader during a removal has all the bytes": async ({ store, again }) => {
    const data = Buffer.alloc(LARGE_BYTES, "0123456789abcdef-");
    const snapshot = await put(store, HERE, data);
    await using archive = await store.open(snapshot.archivePath);
    const chunks = archive.chunks()[Symbol.asyncIterator]();
    const first = await chunks.next();
    assert.ok(first.done !== true);
    const read = [Buffer.from(first.value)];
    await again().remove(snapshot);
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
      read.push(Buffer.from(next.value));
    }
    assert.ok(Buffer.concat(read).equals(data));
  },

  "what is not there cannot be opened": async ({ store }) => {
    const { archivePath } = await put(store, HERE);
    const missing = archivePath.replace("2026", "2025");
    await assert.rejects(store.open(missing), refused("failed"));
  },

  "a snapshot is known by its path, and what is none is told with the reason": async ({
    store,
  }) => {
    const snapshot = await put(store, HERE);
    assert.deepEqual(await store.identify(snapshot.archivePath), snapshot);
    await store.remove(snapshot);
    for (const path of [snapshot.archivePath, `${snapshot.archivePath}.other`]) {
      const found = await store.identify(path);
      assert.ok("whyNot" in found && found.whyNot !== "", path);
    }
  },

  "a sidecar that is not valid is a problem of its snapshot alone": async ({
    store,
    writeSidecar,
  }) => {
    const now = secondsGoBy();
    const [bad, good] = [await put(store, HERE, undefined, { now }), await put(store, HERE)];
    await writeSidecar(bad, "{");
    const described = await store.describe(bad);
    assert.equal(described.sidecar, undefined);
    assert.match(described.problem ?? "", /not JSON/);
    assert.equal((await store.describe(good)).problem, undefined);
    await using archive = await store.open(bad.archivePath);
    await assert.rejects(archive.sidecar(), refused("integrity"));
    assert.equal((await store.snapshotsOf(HERE)).length, 2);
  },

  "data of another length than the sidecar says is a problem": async ({ store }) => {
    await using pending = await begin(store, HERE);
    await pending.write(Buffer.from("dat"));
    const snapshot = await pending.commit(sampleSidecar({ stored_bytes: 4 }));
    const { problem, storedBytes } = await store.describe(snapshot);
    assert.equal(storedBytes, 3);
    assert.match(problem ?? "", /3 bytes long, and was 4/);
  },
};
