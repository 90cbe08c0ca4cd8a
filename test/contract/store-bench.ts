/** What the tests of a store have in common. */
import assert from "node:assert/strict";
import { DockformError } from "../../src/errors.ts";
import type { ArchiveFormat } from "../../src/snapshot/name.ts";
import type { Sidecar } from "../../src/snapshot/sidecar.ts";
import {
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

export const HERE: StoredVolume = { context: undefined, volume: "data" };

export const NOON_MS = Date.parse("2026-11-23T12:00:00.400Z");

const SECOND_MS = 1000;

export const SPEC_HASH = "00000000";

export const LARGE_BYTES = 3_000_000;

export interface Begin {
  readonly now?: () => Date;
  readonly format?: ArchiveFormat;
  readonly signal?: AbortSignal;
}

export function begin(
  store: Store,
  place: StoredVolume,
  options: Begin = {},
): Promise<PendingSnapshot> {
  const { now = secondsGoBy(), format = "tar.zst" } = options;
  const { signal = new AbortController().signal } = options;
  return store.begin({ ...place, format, specHash: SPEC_HASH, now, signal });
}

/** A clock that has reached the next second whenever it is asked again. */
export function secondsGoBy(fromMs = NOON_MS): () => Date {
  let ms = fromMs - SECOND_MS;
  return () => new Date((ms += SECOND_MS));
}

export async function put(
  store: Store,
  place: StoredVolume,
  data: Uint8Array = Buffer.from("data"),
  options: Begin = {},
): Promise<StoredSnapshot> {
  await using pending = await begin(store, place, options);
  await pending.write(data);
  return await pending.commit(sidecarFor(place, data));
}

export function sidecarFor({ volume }: StoredVolume, data: Uint8Array): Sidecar {
  return sampleSidecar({ volume_name: volume, stored_bytes: data.length });
}

export async function contentOf(store: Store, { archivePath }: StoredSnapshot): Promise<Buffer> {
  await using archive = await store.open(archivePath);
  return await collect(archive.chunks());
}

/** A chunk's memory is used again. */
export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks, (chunk) => Buffer.from(chunk)));
}

export async function assertNothing(store: Store): Promise<void> {
  assert.deepEqual(await store.list(), []);
}

export function refused(kind: "failed" | "integrity"): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof DockformError, String(error));
    assert.equal(error.kind, kind, error.message);
    return true;
  };
}

export type Checks = Readonly<Record<string, (made: StoreUnderTest) => Promise<void>>>;
