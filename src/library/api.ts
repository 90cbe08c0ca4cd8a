import type { Advice } from "../advice.ts";
import type { OperationEvent } from "../events.ts";

/**
 * What a program that imports dockform sees. Names are those of the command line, in camel case, with units; times are
 * `Date`s. Paths of files are absolute.
 */

/** How to open dockform. */
export interface OpenOptions {
  /** The manifest: a file, or a folder with one. Without, the one in `folder`, where there is one. */
  readonly manifest?: string;
  /** The Docker context to work on; without, what the manifest or the environment says. */
  readonly context?: string;
  /** The folder of all snapshots; without, `.dockform/snapshots` beside the manifest. */
  readonly store?: string;
  /** Where relative paths start from; without, the current folder of the process. */
  readonly folder?: string;
  /** Environment variables, such as `DOCKER_HOST`; without, those of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Allow `tcp://` engines without encryption, or without proof of who they are. */
  readonly insecure?: boolean;
  /** Ends every call when it is aborted. */
  readonly signal?: AbortSignal;
  /** Gets all that happens while calls are under way. An error that it throws is uncaught. */
  readonly on?: (event: DockformEvent) => void;
}

/** What happens while a call is under way. */
export type DockformEvent = OperationEvent | ProgressEvent | MessageEvent;

/** How far something is that can take more than a second: at most ten a second, and one at its end. */
export interface ProgressEvent {
  readonly type: "progress";
  /** As the command line has it beside the bar: which volume it is, or what is done. */
  readonly task: string;
  readonly bytes: number;
  /** `undefined` as long as it is unknown. */
  readonly totalBytes: number | undefined;
  readonly entries: number | undefined;
  readonly totalEntries: number | undefined;
  /** Whether this is the last one of the task. */
  readonly ended: boolean;
}

/** What the command line would write to standard error. */
export interface MessageEvent {
  readonly type: "message";
  readonly level: "debug" | "info" | "warn";
  readonly message: string;
  /** What to do about it, as codes. */
  readonly advice: readonly Advice[];
}

/** Of every call. */
export interface CallOptions {
  /**
   * Ends the call when it is aborted: it cleans up, starts what it had stopped, and then rejects with the reason of the
   * signal.
   */
  readonly signal?: AbortSignal;
}

/** How to take a snapshot. */
export interface SnapshotOptions extends CallOptions {
  /** Kept with it. */
  readonly note?: string;
  /** Write none when nothing has changed since the newest one. */
  readonly ifChanged?: boolean;
  /** zstd's compression level, 1 to 19; 3 without. */
  readonly level?: number;
  /** `tar.zst` without. */
  readonly format?: "tar.zst" | "tar";
}

export interface VerifyOptions extends CallOptions {
  /** Restore it into a throw-away volume, too, and compare. */
  readonly deep?: boolean;
}

/** How the containers that use the volume are treated. */
export interface WorkloadOptions extends CallOptions {
  /** Stop those that use it for the swap, then start them again. Without, they are a reason to refuse. */
  readonly stopContainers?: boolean;
  /** For how long they may take to be healthy; 0 for no check, 60,000 without. */
  readonly healthTimeoutMs?: number;
  /** Work on a volume that the manifest does not declare. */
  readonly undeclared?: boolean;
}

/** A class of what a file system may not be able to hold. */
export type Aspect = "owners" | "modes" | "attributes" | "times" | "devices" | "links";

/** How to restore: docs/guide.md says what each of them is for. */
export interface RestoreOptions extends WorkloadOptions {
  /** Replace what a volume that is not empty holds. */
  readonly force?: boolean;
  /** Create a volume that does not exist, as the snapshot says. */
  readonly create?: boolean;
  /** Keep what the volume held, for {@link Dockform.undo}. */
  readonly keepPrevious?: boolean;
  /** Only these files and folders of the snapshot. */
  readonly path?: readonly string[];
  /** Only what is in the one folder so deep in the archive. */
  readonly stripComponents?: number;
  /** Only what is in this folder of the archive. */
  readonly from?: string;
  /** The snapshot is of this other volume. */
  readonly fromVolume?: string;
  /** Compare what was extracted with the archive, entry by entry, before it takes its place. */
  readonly verify?: boolean;
  /** Do without what the volume cannot hold. */
  readonly without?: readonly Aspect[];
  /** Refuse where an attribute cannot be put back. */
  readonly strictAttributes?: boolean;
  /** Where there is no room for both: snapshot, remove, then extract. */
  readonly inPlace?: boolean;
  /** Restore an archive without files, which empties the volume. */
  readonly forceEmpty?: boolean;
  /** Keep the new contents when containers are not healthy on them. */
  readonly keepFailed?: boolean;
  /** Remove what is kept already, where other contents are to be kept. */
  readonly discardKept?: boolean;
}

export type RecoverOptions = CallOptions & Pick<WorkloadOptions, "healthTimeoutMs">;
export type UndoOptions = WorkloadOptions;

/** A volume that is declared, or that the engine has. */
export interface VolumeInfo {
  readonly context: string;
  readonly volume: string;
  readonly declared: boolean;
  readonly exists: boolean;
  /** `undefined` where the engine does not know it. */
  readonly sizeBytes: number | undefined;
  readonly containers: readonly { readonly name: string; readonly state: string }[];
  /** Its data file. */
  readonly newestSnapshot: string | undefined;
  /** Whether {@link Dockform.undo} has something to put back. */
  readonly hasKept: boolean;
  /** Whether {@link Dockform.recover} has something to do. */
  readonly interrupted: boolean;
}

/** A snapshot in the store. */
export interface SnapshotInfo {
  readonly context: string | undefined;
  readonly volume: string;
  /** Its data file, by which every call knows it. */
  readonly archive: string;
  readonly sidecarPath: string;
  readonly createdAt: Date;
  readonly storedBytes: number;
  /** As a tar stream; `undefined` where it was not counted. */
  readonly uncompressedBytes: number | undefined;
  readonly fileCount: number | undefined;
  readonly note: string | undefined;
  readonly verifiedAt: Date | undefined;
  /** Why it cannot be used. */
  readonly problem: string | undefined;
  /** Of which volume it is, where not of `volume`: it was put there, and is never `latest`. */
  readonly otherVolume: string | undefined;
}

/** What became of a snapshot. */
export interface SnapshotResult {
  readonly context: string;
  readonly volume: string;
  readonly archive: string;
  readonly sidecarPath: string;
  readonly createdAt: Date;
  readonly storedBytes: number | undefined;
  readonly uncompressedBytes: number;
  readonly fileCount: number;
  /** Whether none was written, since this one is what the volume still holds. */
  readonly unchanged: boolean;
}

/** A snapshot that was read to its end, and is good. */
export interface Verification {
  readonly archive: string;
  readonly storedBytes: number;
  readonly uncompressedBytes: number;
  readonly entryCount: number;
  readonly fileCount: number;
  /** The time that the sidecar says now; `undefined` where there is none, or it cannot be written. */
  readonly verifiedAt: Date | undefined;
}

/** How a container came through. */
export interface ContainerResult {
  readonly name: string;
  /** `failed` where it did not start again: `problem` says why. */
  readonly outcome: "started" | "failed" | "gone";
  readonly problem: string | undefined;
  readonly downtimeMs: number;
}

/** What a restore would do, after all checks, and nothing was changed. */
export interface RestorePlan {
  readonly context: string;
  readonly volume: string;
  readonly archive: string;
  readonly uncompressedBytes: number;
  readonly entryCount: number;
  /** Entries of the archive outside of `from` or `stripComponents`. */
  readonly outsideEntries: number;
  /** Against the sidecar's SHA-256, or by reading to the end. */
  readonly checkedBy: "checksum" | "reading";
  /** Whether the volume would be created. */
  readonly createsVolume: boolean;
  /**
   * Restores it. All checks are made anew, since anything may have happened in between.
   *
   * @throws DockformError as {@link Dockform.restore} does.
   */
  run(options?: CallOptions): Promise<RestoreResult>;
}

/** What a restore did. */
export interface RestoreResult {
  readonly context: string;
  readonly volume: string;
  readonly archive: string;
  readonly uncompressedBytes: number;
  readonly entryCount: number;
  readonly outsideEntries: number;
  readonly checkedBy: "checksum" | "reading";
  readonly createdVolume: boolean;
  /** Whether {@link Dockform.undo} can put the old contents back. */
  readonly keptPrevious: boolean;
  /** What could not be put back, and was left out. */
  readonly leftOut: readonly {
    readonly aspect: Aspect;
    readonly what: string;
    readonly fileCount: number;
  }[];
  readonly containers: readonly ContainerResult[];
  readonly durations: {
    readonly checkMs: number;
    readonly extractMs: number;
    readonly swapMs: number;
    readonly watchMs: number;
    readonly removeOldMs: number;
    readonly totalMs: number;
  };
}

/** What an undo did. */
export interface UndoResult {
  readonly context: string;
  readonly volume: string;
  readonly containers: readonly ContainerResult[];
  readonly durations: { readonly swapMs: number; readonly totalMs: number };
}

/** What a recovery did. */
export interface RecoveryResult {
  readonly context: string;
  readonly volume: string;
  /**
   * What is in place: the contents from before the operation, or those that it brought; `whole` where only containers
   * were not as they had been, `nothing` where nothing was interrupted, `gone` where the volume is.
   */
  readonly contents: "before" | "after" | "whole" | "nothing" | "gone";
  readonly containers: readonly ContainerResult[];
}

/**
 * Volumes of one or more engines, and their snapshots. A volume is named as on the command line, `[context/]volume`; a
 * snapshot as `latest`, `latest~1`, a time or its beginning, or the path of its data file.
 *
 * Disposing ends calls that are under way as an abort does, waits for them, and closes all connections.
 */
export interface Dockform extends AsyncDisposable {
  /** Declared and existing volumes. */
  listVolumes(options?: CallOptions): Promise<readonly VolumeInfo[]>;

  /**
   * Writes a snapshot of a volume.
   *
   * @throws DockformError where there is no such volume, it cannot be read in full, or the snapshot cannot be written;
   * nothing is stored then.
   */
  snapshot(volume: string, options?: SnapshotOptions): Promise<SnapshotResult>;

  /**
   * The snapshots of a volume, or of all, the newest first in each volume. No engine is asked.
   *
   * @throws DockformError where the named volume has none.
   */
  listSnapshots(volume?: string, options?: CallOptions): Promise<readonly SnapshotInfo[]>;

  /**
   * Reads a snapshot to its end and checks all there is to check: `volume@latest`, or the path of its data file.
   *
   * @throws DockformError of kind `integrity` where it is damaged.
   */
  verify(snapshot: string, options?: VerifyOptions): Promise<Verification>;

  /**
   * Makes every check of a restore, and changes nothing.
   *
   * @throws DockformError for whatever the restore would be refused.
   */
  planRestore(volume: string, snapshot: string, options?: RestoreOptions): Promise<RestorePlan>;

  /**
   * Replaces what a volume holds by a snapshot. A container that does not start again is told in the result.
   *
   * @throws DockformError of kind `refused` before anything was changed, and of others with the old contents in place.
   */
  restore(volume: string, snapshot: string, options?: RestoreOptions): Promise<RestoreResult>;

  /**
   * Finishes or rolls back what was interrupted on a volume, or on all of them.
   *
   * @throws DockformError for the first one that could not be recovered, after all were tried.
   */
  recover(volume?: string, options?: RecoverOptions): Promise<readonly RecoveryResult[]>;

  /**
   * Swaps back what a restore with `keepPrevious` replaced; again, and the restored contents are back.
   *
   * @throws DockformError of kind `refused` where nothing is kept.
   */
  undo(volume: string, options?: UndoOptions): Promise<UndoResult>;
}
