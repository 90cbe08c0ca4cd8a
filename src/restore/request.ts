import type { DockformError } from "../errors.ts";
import type { LostGroup } from "../helper/message-groups.ts";
import type { ByteText } from "../tar/header.ts";
import type { RootChoice } from "../archive/reshape.ts";
import type { DoesWithout } from "./without.ts";
import type { ArchiveInStore } from "../store/store.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { ContainerOutcome } from "../workload/stopped.ts";

/** For a restore into a volume that is made for the purpose. */
export const ANY_VOLUME: unique symbol = Symbol("any volume");

/** {@link WorkloadOptions.healthTimeoutMs} where nobody says it. */
export const DEFAULT_HEALTH_TIMEOUT_MS = 60_000;

/** How the containers that use volumes are treated while their contents are replaced. */
export interface WorkloadOptions {
  /** Stop those that run, and start them again. */
  readonly stopContainers: boolean;
  /** For how long containers may take to be healthy after their start; 0 asks for nothing. */
  readonly healthTimeoutMs: number;
}

/** What is to become of a volume whose contents are replaced, wherever the new ones come from. */
export interface VolumeReplacement extends DoesWithout {
  readonly target: VolumeTarget;
  /** Allow a volume that the manifest does not declare. */
  readonly undeclared: boolean;
  /** Create the volume, where it does not exist, as what is known of the new contents says. */
  readonly create: boolean;
  /** Allow replacing what the volume holds. */
  readonly force: boolean;
  /** Keep what the volume held, for `volume undo`. */
  readonly keepPrevious: boolean;
  /** Keep the new contents where containers are not healthy on them. */
  readonly keepFailed: boolean;
  /** Allow removing what is kept already, where other contents are to be kept. */
  readonly discardKept: boolean;
  /** Only these paths of the new contents; everything where there is none. */
  readonly paths: readonly ByteText[];
  /** Compare what was extracted with where it comes from, entry by entry, before it takes its place. */
  readonly verify: boolean;
  /** Where there is no room for old and new contents at once: replace the old after a snapshot of them. */
  readonly inPlace: boolean;
}

/** A snapshot that is to take the place of what a volume holds. */
export interface VolumeRestore extends VolumeReplacement, ArchiveInStore {
  /** Which folder of the archive becomes the volume's root; `undefined` where that is not said. */
  readonly root: RootChoice | undefined;
  /** Which other volume the snapshot may be of, and then must be. */
  readonly fromVolume: string | typeof ANY_VOLUME | undefined;
  /** Allow an archive that would leave the volume empty. */
  readonly forceEmpty: boolean;
}

/** How contents are replaced. */
export interface ReplacementOptions extends WorkloadOptions {
  /** Make every check, then stop. */
  readonly dryRun: boolean;
}

/** A restore of one volume. */
export interface RestoreRequest extends VolumeRestore, ReplacementOptions {}

/** What a replacement does, as it was found out before it begins. */
export interface ReplacementSteps {
  /** Whether the volume holds something that is replaced. */
  readonly replacesContents: boolean;
  /** Whether the old contents are removed before the new ones are there, for want of room or since they do not move. */
  readonly inPlace: boolean;
  /** Names of running containers that are stopped for the swap, and started again. */
  readonly stops: readonly string[];
  /** What becomes of what the volume holds. */
  readonly oldContents: "kept" | "removed" | "none";
  /** When contents were kept that the volume keeps already, and whether they are removed in the end. */
  readonly keptBefore: { readonly keptAt: string; readonly removed: boolean } | undefined;
  /** What has to be allowed first; only in a dry run. */
  readonly refusal: DockformError | undefined;
}

/** What was done to a volume, or by a dry run would be. */
export interface ReplacementReport {
  readonly context: string;
  readonly volume: string;
  readonly dryRun: boolean;
  readonly createdVolume: boolean;
  /** Whether the manifest declares the volume. */
  readonly declared: boolean;
  readonly plan: ReplacementSteps;
  readonly keptPrevious: boolean;
  /** What the target, or the helper, could not put back, and was left out. */
  readonly leftOut: readonly LostGroup[];
  readonly containers: readonly ContainerOutcome[];
  readonly durations: {
    readonly checkMs: number;
    readonly extractMs: number;
    /** Renames alone, whatever the volume's size. */
    readonly swapMs: number;
    /** Until the containers were known to be healthy. */
    readonly watchMs: number;
    readonly removeOldMs: number;
    readonly totalMs: number;
  };
}

export interface RestoreReport extends ReplacementReport {
  readonly archivePath: string;
  readonly tarBytes: number;
  readonly entries: number;
  /** Entries of the archive outside the folder that became the root; they are not restored. */
  readonly outsideEntries: number;
  /** Against the sidecar's SHA-256, or by reading the whole archive where there is no sidecar. */
  readonly checkedBy: "checksum" | "reading";
}
