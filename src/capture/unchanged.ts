import { formatTime } from "../format.ts";
import type { EngineVolume } from "../engine/volumes.ts";
import type { VolumeVerbs } from "../helper/verbs.ts";
import type { ChangedEntries } from "../snapshot/metadata-digest.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import { specHash } from "../snapshot/spec-hash.ts";
import { newestSnapshot } from "../store/newest.ts";
import type { DescribedSnapshot } from "../store/store.ts";
import { displayText } from "../tar/path.ts";
import { takeFingerprint, type SidecarFingerprint } from "./fingerprint.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";

/** A snapshot that is what the volume still holds. */
export interface HeldSnapshot {
  readonly archivePath: string;
  readonly sidecarPath: string;
  readonly sidecar: Sidecar;
}

/** What is known of a volume before its data is read. */
export interface ChangeCheck {
  /** The newest snapshot, where nothing changed since; that is recorded in its sidecar then. */
  readonly held: HeldSnapshot | undefined;
  /** For the sidecar of a snapshot that is taken now; `undefined` where none could be relied on. */
  readonly fingerprint: SidecarFingerprint | undefined;
  /** Why the volume is to be read; `undefined` where it need not be. */
  readonly why: CopyReason | undefined;
}

/** Why a snapshot is written although it was to be written only if something changed. */
export type CopyReason =
  /** There is none yet. */
  | { readonly kind: "first" }
  /** The newest one is damaged, or does not say how long it is. */
  | { readonly kind: "damaged" }
  /** The newest one does not say what the metadata was. */
  | { readonly kind: "no fingerprint" }
  /** The metadata tells nothing. */
  | { readonly kind: "unreliable"; readonly problem: string }
  /** The volume has another driver, other options or other labels. */
  | { readonly kind: "made anew" }
  /** The engine's machine was started again, or is another one: times from before tell nothing. */
  | { readonly kind: "restarted" }
  | {
      readonly kind: "changed";
      /** `undefined` where the newest one does not say when it was. */
      readonly changedEntries: number | undefined;
      /** What changed last, for people. */
      readonly example: string | undefined;
      readonly entries: number;
    };

export const COPY_REASONS = [
  "first",
  "damaged",
  "no fingerprint",
  "unreliable",
  "made anew",
  "restarted",
  "changed",
] as const satisfies readonly CopyReason["kind"][];

/** Finds out from metadata alone whether the volume is still what its newest snapshot holds. */
export async function checkForChange(
  target: VolumeTarget,
  volume: EngineVolume,
  known: { readonly verbs: VolumeVerbs; readonly newest: NewestOfVolume },
  tools: Tools,
): Promise<ChangeCheck> {
  // From here on a change is one since then.
  const askedAt = tools.now();
  const newest = newestWhole(known.newest, tools);
  const since = "missing" in newest ? undefined : newest.sidecar.fingerprint;
  const taken = await takeFingerprint(known.verbs, { since, mayWait: true }, tools);
  if (taken.value === undefined) {
    const why: CopyReason = { kind: "unreliable", problem: taken.unreliable };
    return { held: undefined, fingerprint: undefined, why };
  }
  const { value: fingerprint, changed } = taken;
  if ("missing" in newest) return { held: undefined, fingerprint, why: { kind: newest.missing } };
  const why = whyCopied(newest.sidecar, volume, fingerprint, changed);
  if (why !== undefined) return { held: undefined, fingerprint, why };
  const unchangedAt = formatTime(askedAt);
  const sidecar = await target.store.amend(newest.archivePath, { unchanged_at: unchangedAt });
  return { held: { ...newest, sidecar }, fingerprint, why };
}

/** `undefined` where nothing changed. */
function whyCopied(
  { spec_hash: hash, fingerprint: before }: Sidecar,
  volume: EngineVolume,
  now: SidecarFingerprint,
  changed: ChangedEntries,
): CopyReason | undefined {
  if (hash !== specHash(volume)) return { kind: "made anew" };
  if (before?.algo !== now.algo) return { kind: "no fingerprint" };
  if (before.value === now.value) return undefined;
  if (before.boot !== undefined && before.boot !== now.boot) return { kind: "restarted" };
  const isKnown = before.newest_change !== undefined;
  return {
    kind: "changed",
    changedEntries: isKnown ? changed.count : undefined,
    example: changed.example === undefined ? undefined : displayText(changed.example),
    entries: now.entries ?? 0,
  };
}

/** What a volume has of snapshots. */
export interface NewestOfVolume {
  /** The newest good one. */
  readonly snapshot: DescribedSnapshot | undefined;
  /** Damaged ones that are newer. */
  readonly damaged: readonly DescribedSnapshot[];
}

export async function newestOf({ store, storedAs, volume }: VolumeTarget): Promise<NewestOfVolume> {
  const damaged: DescribedSnapshot[] = [];
  const snapshot = await newestSnapshot(store, [storedAs], volume, (each) => damaged.push(each));
  return { snapshot, damaged };
}

/** The newest good snapshot, when its data has the length it was stored with; or why there is none. */
function newestWhole(
  { snapshot, damaged }: NewestOfVolume,
  { log }: Tools,
): HeldSnapshot | { readonly missing: "first" | "damaged" } {
  for (const { archivePath, problem } of damaged) log.warn(`${archivePath} is damaged: ${problem}`);
  if (snapshot?.sidecar === undefined) {
    return { missing: damaged.length > 0 ? "damaged" : "first" };
  }
  const { archivePath, sidecarPath, sidecar, storedBytes } = snapshot;
  if (storedBytes === sidecar.stored_bytes) return { archivePath, sidecarPath, sidecar };
  log.warn(`${archivePath} does not say how long it was when it was stored`);
  return { missing: "damaged" };
}
