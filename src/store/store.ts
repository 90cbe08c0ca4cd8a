import type { ByteSource } from "../byte-source.ts";
import type { ArchiveFormat, SnapshotName } from "../snapshot/name.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";

/**
 * Where snapshots live. An implementation has to keep what is said of each method; `test/contract/store.ts` asks for
 * all of it, whatever the store.
 */
export interface Store {
  /** For messages: a folder's path. */
  readonly title: string;

  /**
   * All that the store holds, by names alone: no snapshot is opened. Sorted by {@link volumeTitle}; volumes of which
   * there is nothing are not among them.
   *
   * @throws DockformError `failed` when the store cannot be read.
   */
  list(): Promise<readonly VolumeSnapshots[]>;

  /**
   * The complete snapshots of one volume, the newest first, by names alone; none where the store has never seen it.
   *
   * @throws DockformError `failed` when the store cannot be read.
   */
  snapshotsOf(volume: StoredVolume): Promise<readonly StoredSnapshot[]>;

  /** What somebody names by the data's path: a snapshot with both its parts, or why it is none. */
  identify(archivePath: string): Promise<StoredSnapshot | NotASnapshot>;

  /** Reads a snapshot's sidecar. What is wrong with it is in the description and no error. */
  describe(snapshot: StoredSnapshot): Promise<DescribedSnapshot>;

  /**
   * Opens a snapshot's data. Whoever has opened it reads the same bytes to the end, however often, also when the
   * snapshot is removed meanwhile.
   *
   * @throws DockformError `failed` when it is not there or cannot be read.
   */
  open(archivePath: string): Promise<StoredArchive>;

  /**
   * Begins a snapshot under a name that none has, nor has been promised: the later one of two within one second gets
   * the next second. Nothing that {@link Store.list} tells of is a snapshot before it is committed.
   *
   * @throws DockformError `failed` when the store cannot be written to, or cannot keep a volume of that name.
   */
  begin(options: BeginOptions): Promise<PendingSnapshot>;

  /**
   * Adds to what a snapshot's sidecar says, in one step: a reader sees the old one or the new one. A field that is
   * `undefined` is taken out of it; those that this version does not know are kept.
   *
   * @returns the sidecar as it is now.
   * @throws DockformError `integrity` when there is no valid one, `failed` when it cannot be replaced.
   */
  amend(archivePath: string, fields: Partial<Sidecar>): Promise<Sidecar>;

  /**
   * Removes a snapshot; one that is gone already is removed. Whenever this is cut short, what is left is no snapshot
   * to {@link Store.list}, and can be removed.
   *
   * @throws DockformError `failed`.
   */
  remove(snapshot: StoredSnapshot): Promise<void>;

  /** Room for the snapshots of a context's volumes; `undefined` where the store has no limit that it knows. */
  room(context: string | undefined): Promise<StoreRoom | undefined>;

  /** The folder of this machine that a volume's snapshots are written to; `undefined` where they go elsewhere. */
  placeOnThisMachine(volume: StoredVolume): string | undefined;
}

/** A volume as a store knows it. */
export interface StoredVolume {
  /** `undefined` where the store does not tell contexts apart. */
  readonly context: string | undefined;
  readonly volume: string;
}

/** A complete snapshot: data and sidecar. */
export interface StoredSnapshot extends SnapshotName {
  /** By which the store knows the data, and people do: in a folder, an absolute path. */
  readonly archivePath: string;
  /** The same of the sidecar. */
  readonly sidecarPath: string;
}

/** A path that names no snapshot. */
export interface NotASnapshot {
  /** For messages: `it is not named like one`. */
  readonly whyNot: string;
}

/** A file that is no snapshot, or not yet, or not any more. */
export interface Leftover {
  readonly path: string;
  /** Of `no data`: by which the data was known. */
  readonly archivePath?: string;
  /**
   * `unfinished`: being written, or left by a program that was killed. `no sidecar`: data that a removal
   * has left, or that came from elsewhere. `no data`: a sidecar without its data.
   */
  readonly kind: "unfinished" | "no sidecar" | "no data";
}

/** The snapshots of one volume, and what else looks like one. */
export interface VolumeSnapshots extends StoredVolume {
  /** The newest first. */
  readonly snapshots: readonly StoredSnapshot[];
  readonly leftovers: readonly Leftover[];
}

/** A snapshot with what its sidecar says of it. */
export interface DescribedSnapshot extends StoredSnapshot {
  readonly storedBytes: number;
  /** `undefined` where it is not valid. */
  readonly sidecar: Sidecar | undefined;
  /** Why it cannot be trusted, as far as one can tell without reading the data. */
  readonly problem: string | undefined;
}

/** How much of an archive's beginning tells what kind of file it is. */
export const HEAD_BYTES = 512;

/** A snapshot's data, held open. */
export interface StoredArchive extends AsyncDisposable {
  readonly storedBytes: number;
  /** The first {@link HEAD_BYTES}, or all there is. */
  readonly head: Buffer;
  /**
   * The stored bytes from the beginning, in chunks as large as they can be.
   *
   * @throws DockformError `failed` when they cannot be read.
   */
  chunks(): ByteSource;
  /**
   * What is known of the data; `undefined` where there is no sidecar.
   *
   * @throws DockformError `integrity` for one that is not valid, `failed` for one that cannot be read.
   */
  sidecar(): Promise<Sidecar | undefined>;
}

export interface BeginOptions extends StoredVolume {
  readonly format: ArchiveFormat;
  readonly specHash: string;
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/** A snapshot being written. Disposing of one that was not committed leaves nothing of it. */
export interface PendingSnapshot extends AsyncDisposable {
  /** In whole seconds: its name's. */
  readonly time: Date;
  /**
   * Appends to the data. Several may be under way; they end up in the order of the calls.
   *
   * @throws DockformError `failed` when there is no room, or what holds it is broken.
   */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Makes it a snapshot, once all writes have ended: what it then is survives a power loss. One that fails leaves no
   * snapshot.
   *
   * @throws DockformError `failed`.
   */
  commit(sidecar: Sidecar): Promise<StoredSnapshot>;
}

export interface StoreRoom {
  readonly freeBytes: number;
  /** For messages. */
  readonly where: string;
}

/** An archive in a store: a snapshot, or a file that another program wrote beside it. */
export interface ArchiveInStore {
  readonly store: Store;
  readonly archivePath: string;
}

/** `volume`, or `context/volume` where the store tells contexts apart. */
export function volumeTitle({ context, volume }: StoredVolume): string {
  return context === undefined ? volume : `${context}/${volume}`;
}

export function newestFirst<Named extends SnapshotName>(
  snapshots: readonly Named[],
): readonly Named[] {
  return snapshots.toSorted((a, b) => b.time.getTime() - a.time.getTime());
}
