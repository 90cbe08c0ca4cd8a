/**
 * What src/store/store.ts asks of every store, as tests. A new store runs all of it by one call of
 * {@link testStoreContract}, as folder-store.test.ts does.
 */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import * as fc from "fast-check";
import { DockformError } from "../../src/errors.ts";
import type { ArchiveFormat } from "../../src/snapshot/name.ts";
import type { Sidecar } from "../../src/snapshot/sidecar.ts";
import {
  HEAD_BYTES,
  type PendingSnapshot,
  type Store,
  type StoredSnapshot,
  type StoredVolume,
} from "../../src/store/store.ts";
import { sampleSidecar } from "./sidecar.ts";

/** A store that is empty, and what a test has to do behind its back. */
export interface StoreUnderTest {
  readonly store: Store;
  /** The same store as another client sees it. */
  readonly again: () => Store;
  /** Replaces what is stored as the sidecar. */
  readonly writeSidecar: (snapshot: StoredSnapshot, text: string) => Promise<void>;
  /** Has the commit of a snapshot that has begun fail once its data is stored. */
  readonly spoilCommit: (place: StoredVolume, pending: PendingSnapshot) => Promise<void>;
}

const HERE: StoredVolume = { context: undefined, volume: "data" };
const NOON_MS = Date.parse("2026-11-23T12:00:00.400Z");
const SECOND_MS = 1000;
const SPEC_HASH = "00000000";
const LARGE_BYTES = 3_000_000;

interface Begin {
  readonly now?: () => Date;
  readonly format?: ArchiveFormat;
  readonly signal?: AbortSignal;
}

function begin(store: Store, place: StoredVolume, options: Begin = {}): Promise<PendingSnapshot> {
  const { now = secondsGoBy(), format = "tar.zst" } = options;
  const { signal = new AbortController().signal } = options;
  return store.begin({ ...place, format, specHash: SPEC_HASH, now, signal });
}

/** A clock that has reached the next second whenever it is asked again. */
function secondsGoBy(fromMs = NOON_MS): () => Date {
  let ms = fromMs - SECOND_MS;
  return () => new Date((ms += SECOND_MS));
}

async function put(
  store: Store,
  place: StoredVolume,
  data: Uint8Array = Buffer.from("data"),
  options: Begin = {},
): Promise<StoredSnapshot> {
  await using pending = await begin(store, place, options);
  await pending.write(data);
  return await pending.commit(sidecarFor(place, data));
}

function sidecarFor({ volume }: StoredVolume, data: Uint8Array): Sidecar {
  return sampleSidecar({ volume_name: volume, stored_bytes: data.length });
}

async function contentOf(store: Store, { archivePath }: StoredSnapshot): Promise<Buffer> {
  await using archive = await store.open(archivePath);
  return await collect(archive.chunks());
}

/** A chunk's memory is used again. */
async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks, (chunk) => Buffer.from(chunk)));
}

async function assertNothing(store: Store): Promise<void> {
  assert.deepEqual(await store.list(), []);
}

function refused(kind: "failed" | "integrity"): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof DockformError, String(error));
    assert.equal(error.kind, kind, error.message);
    return true;
  };
}

/** Registers the tests for one kind of store. `make` is called once for each; what it made may be removed by `t.after`. */
export function testStoreContract(
  kind: string,
  make: (t: TestContext) => Promise<StoreUnderTest>,
): void {
  const tests = { ...WRITING, ...READING, ...CHANGING, ...NAMES };
  for (const [title, check] of Object.entries(tests)) {
    test(`${kind}: ${title}`, async (t) => check(await make(t)));
  }
  test(`${kind}: whatever is done in whatever order, it holds what a plain list would`, (t) =>
    fc.assert(
      fc.asyncProperty(fc.array(STEP, { maxLength: 12 }), async (steps) =>
        checkAgainstModel((await make(t)).store, steps),
      ),
      { numRuns: 40 },
    ));
}

type Checks = Readonly<Record<string, (made: StoreUnderTest) => Promise<void>>>;

const WRITING: Checks = {
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

const READING: Checks = {
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

const CHANGING: Checks = {
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

/** Names that engines do not allow, and some that they do; a file system or a program may take them for something. */
const ODD_NAMES = [
  "A",
  "a",
  "a b",
  "-rf",
  "~",
  "*",
  "x\ny",
  "\u001b[31m",
  "é",
  "e\u0301",
  "__proto__",
  "constructor",
  ".hidden",
  ".x.partial",
  "2026-11-23T12-00-00Z__spec-00000000.json",
  "data.tar.zst",
  "..data",
  "C:",
  "a\\b",
];
const NO_NAMES = ["", ".", "..", "/", "a/b", "../data", "/etc", "a\0b"];

const NAMES: Checks = {
  "volumes are listed by context and name, their snapshots the newest first": async ({ store }) => {
    const places: readonly StoredVolume[] = [
      { context: "b", volume: "x" },
      { context: undefined, volume: "z" },
      { context: "a", volume: "y" },
      { context: undefined, volume: "a" },
    ];
    const now = secondsGoBy();
    for (const place of [...places, ...places]) await put(store, place, undefined, { now });
    const listed = await store.list();
    assert.deepEqual(
      listed.map(({ context, volume }) => [context, volume]),
      [
        [undefined, "a"],
        ["a", "y"],
        ["b", "x"],
        [undefined, "z"],
      ],
    );
    for (const { context, volume, snapshots } of listed) {
      const [newer, older, ...others] = snapshots;
      assert.ok(newer !== undefined && older !== undefined && others.length === 0);
      assert.ok(newer.time.getTime() > older.time.getTime());
      assert.deepEqual(await store.snapshotsOf({ context, volume }), snapshots);
    }
  },

  "whatever a volume or a context is called, it is kept apart from all others": async ({
    store,
  }) => {
    const places = ODD_NAMES.flatMap((name): readonly StoredVolume[] => [
      { context: undefined, volume: name },
      { context: name, volume: "data" },
    ]);
    const written = new Map<string, StoredSnapshot>();
    for (const place of places) {
      written.set(JSON.stringify(place), await put(store, place, Buffer.from(place.volume)));
    }
    assert.equal(
      new Set([...written.values()].map((each) => each.archivePath)).size,
      places.length,
    );
    for (const place of places) {
      const snapshot = written.get(JSON.stringify(place));
      assert.deepEqual(await store.snapshotsOf(place), [snapshot]);
    }
    const listed = (await store.list()).filter(({ snapshots }) => snapshots.length > 0);
    assert.equal(listed.length, places.length);
  },

  "a name that leads elsewhere is refused": async ({ store }) => {
    await put(store, HERE);
    for (const name of NO_NAMES) {
      for (const place of [
        { context: undefined, volume: name },
        { context: name, volume: "data" },
      ]) {
        await assert.rejects(begin(store, place), refused("failed"), JSON.stringify(place));
        assert.deepEqual(await store.snapshotsOf(place), []);
      }
    }
    assert.equal((await store.list()).length, 1);
  },

  "there is a title, and room where it is known": async ({ store }) => {
    assert.notEqual(store.title, "");
    const room = await store.room(undefined);
    assert.ok(room === undefined || (room.freeBytes >= 0 && room.where !== ""));
    const [a, b] = ["a", "b"].map((volume) => store.placeOnThisMachine({ ...HERE, volume }));
    assert.ok(a === undefined ? b === undefined : a.startsWith("/") && a !== b);
  },
};

type Step =
  | { readonly kind: "write"; readonly volume: string; readonly commits: boolean }
  | { readonly kind: "amend" | "remove"; readonly which: number };

const STEP: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("write" as const),
    volume: fc.constantFrom("a", "b"),
    commits: fc.boolean(),
  }),
  fc.record({ kind: fc.constantFrom("amend" as const, "remove" as const), which: fc.nat(5) }),
);

async function checkAgainstModel(store: Store, steps: readonly Step[]): Promise<void> {
  const now = secondsGoBy();
  const model: { snapshot: StoredSnapshot; volume: string; notes: string | undefined }[] = [];
  for (const [i, step] of steps.entries()) {
    if (step.kind === "write") {
      const { volume } = step;
      await using pending = await begin(store, { ...HERE, volume }, { now });
      if (!step.commits) continue;
      const snapshot = await pending.commit(sampleSidecar({ stored_bytes: 0 }));
      model.push({ snapshot, volume, notes: undefined });
      continue;
    }
    const held = model[step.which];
    if (held === undefined) continue;
    if (step.kind === "amend") {
      held.notes = String(i);
      await store.amend(held.snapshot.archivePath, { notes: held.notes });
    } else {
      await store.remove(held.snapshot);
      model.splice(step.which, 1);
    }
  }
  for (const volume of ["a", "b"]) {
    const expected = model.filter((each) => each.volume === volume).toReversed();
    const found = await store.snapshotsOf({ ...HERE, volume });
    assert.deepEqual(
      found,
      expected.map(({ snapshot }) => snapshot),
    );
    for (const { snapshot, notes } of expected) {
      assert.equal((await store.describe(snapshot)).sidecar?.notes, notes);
    }
  }
}
