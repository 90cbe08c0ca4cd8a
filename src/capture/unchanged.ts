import { formatTime } from "../format.ts";
import type { EngineVolume } from "../engine/volumes.ts";
import type { VolumeVerbs } from "../helper/verbs.ts";
import { FINGERPRINT_ALGORITHM } from "../snapshot/metadata-digest.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import { specHash } from "../snapshot/spec-hash.ts";
import { newestSnapshot } from "../store/newest.ts";
import { takeFingerprint } from "./fingerprint.ts";
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
  readonly fingerprint: NonNullable<Sidecar["fingerprint"]> | undefined;
}

/** Finds out from metadata alone whether the volume is still what its newest snapshot holds. */
export async function checkForChange(
  target: VolumeTarget,
  volume: EngineVolume,
  verbs: VolumeVerbs,
  tools: Tools,
): Promise<ChangeCheck> {
  // From here on a change is one since then.
  const askedAt = tools.now();
  const taken = await takeFingerprint(verbs, tools);
  if (taken.value === undefined) {
    tools.log.warn(
      `whether volume "${volume.name}" changed cannot be told from its metadata: ${taken.unreliable}`,
    );
    return { held: undefined, fingerprint: undefined };
  }
  const fingerprint = { algo: FINGERPRINT_ALGORITHM, value: taken.value };
  const newest = await newestWhole(target, tools);
  if (newest === undefined || !isOf(newest.sidecar, volume, fingerprint)) {
    return { held: undefined, fingerprint };
  }
  const unchangedAt = formatTime(askedAt);
  const sidecar = await target.store.amend(newest.archivePath, { unchanged_at: unchangedAt });
  return { held: { ...newest, sidecar }, fingerprint };
}

function isOf(
  sidecar: Sidecar,
  volume: EngineVolume,
  fingerprint: NonNullable<Sidecar["fingerprint"]>,
): boolean {
  return (
    sidecar.spec_hash === specHash(volume) &&
    sidecar.fingerprint?.algo === fingerprint.algo &&
    sidecar.fingerprint.value === fingerprint.value
  );
}

/** The newest good snapshot, when its data has the length it was stored with. */
async function newestWhole(
  { store, storedAs, volume }: VolumeTarget,
  { log }: Tools,
): Promise<HeldSnapshot | undefined> {
  const newest = await newestSnapshot(store, [storedAs], volume, ({ archivePath, problem }) =>
    log.warn(`${archivePath} is damaged: ${problem}`),
  );
  if (newest?.sidecar === undefined) return undefined;
  const { archivePath, sidecarPath, sidecar, storedBytes } = newest;
  if (storedBytes === sidecar.stored_bytes) return { archivePath, sidecarPath, sidecar };
  log.warn(`${archivePath} does not say how long it was when it was stored`);
  return undefined;
}
