import { DockformError } from "../../src/errors.ts";
import {
  archiveExtension,
  sidecarPath as sidecarPathOf,
  snapshotBaseName,
} from "../../src/snapshot/name.ts";
import { formatSidecar, parseSidecar, type Sidecar } from "../../src/snapshot/sidecar.ts";
import { problemOf } from "../../src/store/problem.ts";
import {
  HEAD_BYTES,
  newestFirst,
  volumeTitle,
  type BeginOptions,
  type DescribedSnapshot,
  type NotASnapshot,
  type PendingSnapshot,
  type Store,
  type StoredArchive,
  type StoredSnapshot,
  type StoredVolume,
  type StoreRoom,
  type VolumeSnapshots,
} from "../../src/store/store.ts";

const SECOND_MS = 1000;
const CHUNK_BYTES = 1 << 16;

interface Kept {
  readonly place: StoredVolume;
  readonly snapshot: StoredSnapshot;
  readonly data: Buffer;
  /** `undefined` for an archive that came from elsewhere. */
  sidecarText: string | undefined;
}

/** Snapshots in this process's memory. What a test wants of a store that does not do as it should is set from outside. */
export class MemoryStore implements Store {
  readonly title = "memory";
  /** By the data's path. */
  readonly kept = new Map<string, Kept>();
  /** Names that are being written, or are taken. */
  readonly claimed = new Set<string>();
  /** What commits fail with. */
  commitFailure: DockformError | undefined;
  /** What writes fail with. */
  writeFailure: DockformError | undefined;
  /** What amendments fail with. */
  amendFailure: DockformError | undefined;

  async list(): Promise<readonly VolumeSnapshots[]> {
    const places = new Map(
      [...this.kept.values()].map(({ place }) => [JSON.stringify(place), place]),
    );
    const listed = [...places.values()].map((place) => ({
      ...place,
      snapshots: this.#of(place),
      leftovers: [],
    }));
    return listed.toSorted((a, b) => (volumeTitle(a) < volumeTitle(b) ? -1 : 1));
  }

  async snapshotsOf(volume: StoredVolume): Promise<readonly StoredSnapshot[]> {
    return this.#of(volume);
  }

  #of({ context, volume }: StoredVolume): readonly StoredSnapshot[] {
    const own = [...this.kept.values()].filter(
      ({ place }) => place.context === context && place.volume === volume,
    );
    return newestFirst(own.map(({ snapshot }) => snapshot));
  }

  async identify(archivePath: string): Promise<StoredSnapshot | NotASnapshot> {
    const kept = this.kept.get(archivePath);
    if (kept === undefined) return { whyNot: `there is no ${archivePath}` };
    return kept.sidecarText === undefined ? { whyNot: "it has no sidecar" } : kept.snapshot;
  }

  async describe(snapshot: StoredSnapshot): Promise<DescribedSnapshot> {
    const kept = this.kept.get(snapshot.archivePath);
    if (kept === undefined) {
      return { ...snapshot, storedBytes: 0, sidecar: undefined, problem: "it is gone" };
    }
    const storedBytes = kept.data.length;
    try {
      const sidecar = parseSidecar(kept.sidecarText ?? "", snapshot.sidecarPath);
      return { ...snapshot, storedBytes, sidecar, problem: problemOf(sidecar, storedBytes) };
    } catch (error) {
      return { ...snapshot, storedBytes, sidecar: undefined, problem: String(error) };
    }
  }

  async open(archivePath: string): Promise<StoredArchive> {
    const kept = this.#get(archivePath);
    const { data } = kept;
    return {
      storedBytes: data.length,
      head: data.subarray(0, HEAD_BYTES),
      async *chunks() {
        for (let at = 0; at < data.length; at += CHUNK_BYTES) {
          yield data.subarray(at, at + CHUNK_BYTES);
        }
      },
      sidecar: async () =>
        kept.sidecarText === undefined
          ? undefined
          : parseSidecar(kept.sidecarText, kept.snapshot.sidecarPath),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  #get(archivePath: string): Kept {
    const kept = this.kept.get(archivePath);
    if (kept !== undefined) return kept;
    throw new DockformError("archive.not-found", `${archivePath} does not exist`);
  }

  async begin(options: BeginOptions): Promise<PendingSnapshot> {
    const { context, volume, format, specHash, now, signal } = options;
    const place = { context, volume };
    if ([context ?? "-", volume].some((name) => /^\.{0,2}$|[/\0]/.test(name))) {
      throw new DockformError("store.unwritable", `nothing can be named ${JSON.stringify(place)}`);
    }
    for (;;) {
      signal.throwIfAborted();
      const time = new Date(Math.floor(now().getTime() / SECOND_MS) * SECOND_MS);
      const folder = context === undefined ? volume : `${context}/${volume}`;
      const baseName = snapshotBaseName({ time, specHash });
      const claim = `/memory/${folder}/${baseName}`;
      if (!this.claimed.has(claim)) {
        this.claimed.add(claim);
        const archivePath = `${claim}.${format}`;
        const snapshot = { time, specHash, archivePath, sidecarPath: `${claim}.json` };
        return new PendingInMemory(this, place, snapshot, claim);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  async amend(archivePath: string, fields: Partial<Sidecar>): Promise<Sidecar> {
    const kept = this.kept.get(archivePath);
    if (this.amendFailure !== undefined) throw this.amendFailure;
    if (kept?.sidecarText === undefined) {
      throw new DockformError("sidecar.unwritable", `cannot write to ${archivePath}`);
    }
    parseSidecar(kept.sidecarText, kept.snapshot.sidecarPath);
    const amended: Sidecar = { ...JSON.parse(kept.sidecarText), ...fields };
    kept.sidecarText = formatSidecar(amended);
    return amended;
  }

  async remove({ archivePath }: StoredSnapshot): Promise<void> {
    const extension = archiveExtension(archivePath) ?? "tar.zst";
    this.kept.delete(archivePath);
    this.claimed.delete(sidecarPathOf(archivePath, extension).replace(/\.json$/, ""));
  }

  async room(): Promise<StoreRoom | undefined> {
    return undefined;
  }

  placeOnThisMachine(): string | undefined {
    return undefined;
  }
}

class PendingInMemory implements PendingSnapshot {
  readonly time: Date;
  readonly #store: MemoryStore;
  readonly #place: StoredVolume;
  readonly #snapshot: StoredSnapshot;
  readonly #claim: string;
  readonly #chunks: Buffer[] = [];
  #isCommitted = false;

  constructor(store: MemoryStore, place: StoredVolume, snapshot: StoredSnapshot, claim: string) {
    this.time = snapshot.time;
    this.#store = store;
    this.#place = place;
    this.#snapshot = snapshot;
    this.#claim = claim;
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#store.writeFailure !== undefined) throw this.#store.writeFailure;
    this.#chunks.push(Buffer.from(chunk));
  }

  async commit(sidecar: Sidecar): Promise<StoredSnapshot> {
    if (this.#store.commitFailure !== undefined) throw this.#store.commitFailure;
    const snapshot = this.#snapshot;
    this.#store.kept.set(snapshot.archivePath, {
      place: this.#place,
      snapshot,
      data: Buffer.concat(this.#chunks),
      sidecarText: formatSidecar(sidecar),
    });
    this.#isCommitted = true;
    return snapshot;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isCommitted) this.#store.claimed.delete(this.#claim);
  }
}
