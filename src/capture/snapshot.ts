import { formatCount, formatTime } from "../format.ts";
import { randomBytes } from "node:crypto";
import { engineInfo } from "../engine/system.ts";
import type { EngineVolume } from "../engine/volumes.ts";
import { DockformError } from "../errors.ts";
import { Helper } from "../helper/helper.ts";
import type { VolumeVerbs } from "../helper/verbs.ts";
import { shortcomings, type ArchivedOutcome, type Remark } from "../helper/archived.ts";
import { unrestorable } from "../helper/attributes.ts";
import { operationInTheWay } from "../journal/operation.ts";
import type { ArchiveFormat } from "../snapshot/name.ts";
import { FORMAT_VERSION, type Sidecar } from "../snapshot/sidecar.ts";
import { specHash } from "../snapshot/spec-hash.ts";
import type { ArchiveInStore, PendingSnapshot } from "../store/store.ts";
import { removeDeadReaders } from "./dead-readers.ts";
import { Digest } from "../archive/digest.ts";
import { beginOperation, lookAround } from "../lock/lock.ts";
import { AtWorkError, interrupted, refuseInterrupted } from "../lock/refusals.ts";
import { existingVolume, type VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";
import { takeFingerprint } from "./fingerprint.ts";
import {
  checkForChange,
  newestOf,
  type ChangeCheck,
  type CopyReason,
  type HeldSnapshot,
  type NewestOfVolume,
} from "./unchanged.ts";
import { ReadingWarnings } from "./warnings.ts";
import type { VolumeUser } from "../workload/users.ts";

export interface SnapshotRequest {
  readonly target: VolumeTarget;
  readonly format: ArchiveFormat;
  /** zstd's level, 1 to 19. */
  readonly level: number;
  readonly note: string | undefined;
  /** Write none where the newest one is what the volume still holds. */
  readonly ifChanged?: boolean;
}

export interface SnapshotReport extends ArchiveInStore {
  readonly context: string;
  readonly volume: string;
  readonly sidecarPath: string;
  readonly sidecar: Sidecar;
  /** Whether nothing was written, since this one is what the volume still holds. */
  readonly unchanged: boolean;
  /** Why it was written although it was to be written only if something changed; `undefined` otherwise. */
  readonly why: CopyReason | undefined;
  /** What says that it may not bring back everything; empty where it does. */
  readonly shortcomings: readonly string[];
  /** How many warnings were not told, since they were when the newest snapshot was taken. */
  readonly repeatedWarnings: number;
}

/** What one pass over the volume found out. */
interface Archived {
  readonly outcome: ArchivedOutcome;
  /** Attributes that a restore is not sure to put back, and how many entries have them. */
  readonly unrestorable: ReadonlyMap<string, number>;
  readonly storedBytes: number;
  readonly sha256: string;
}

/**
 * Writes a snapshot of a volume in one pass over its data (docs/format.md). Nothing has a final name
 * until it is complete and flushed, and nothing is left behind by a failure.
 *
 * @throws DockformError `failed` when the volume does not exist, cannot be read or the snapshot not
 * be written.
 */
export async function snapshotVolume(
  request: SnapshotRequest,
  tools: Tools,
): Promise<SnapshotReport> {
  const startedMs = performance.now();
  const { target } = request;
  const volume = await existingVolume(target, tools.signal);
  tools.emit({ type: "phase", phase: "snapshot", volumes: [volume.name] });
  const engine = engineInfo(target.engine, tools.signal);
  engine.catch(() => {});
  const reader = await openUndisturbedReader(target, volume, tools);
  await using helper = reader.helper;
  const { users } = reader;
  const newest = await newestOf(target);
  const check = await checkIfWanted(request, volume, { verbs: helper.verbs, newest }, tools);
  if (check.held !== undefined) return heldReport(target, check.held);
  const warnings = new ReadingWarnings(volume.name, newest.snapshot?.sidecar, tools.log);
  warnings.writers(users);
  const report = await writeSnapshot(helper, request, tools, {
    volume,
    users,
    engine,
    startedMs,
    fingerprint: check.fingerprint,
    warnings,
    consistency: "live",
    purpose: undefined,
    // While the data is flushed to the disk; disposing waits for it.
    afterReading: () => helper[Symbol.asyncDispose](),
  });
  return { ...report, why: check.why };
}

function heldReport({ context, volume, store }: VolumeTarget, held: HeldSnapshot): SnapshotReport {
  const nothing = { why: undefined, shortcomings: [], repeatedWarnings: 0 };
  return { context, volume, store, ...held, ...nothing, unchanged: true };
}

/**
 * The fingerprint is taken either way, so that what is asked for next can tell whether anything changed. Nobody waits
 * for it who has not asked.
 */
async function checkIfWanted(
  { target, ifChanged }: SnapshotRequest,
  volume: EngineVolume,
  known: { readonly verbs: VolumeVerbs; readonly newest: NewestOfVolume },
  tools: Tools,
): Promise<ChangeCheck> {
  if (ifChanged === true) return await checkForChange(target, volume, known, tools);
  const { value } = await takeFingerprint(known.verbs, { since: undefined, mayWait: false }, tools);
  return { held: undefined, fingerprint: value, why: undefined };
}

/** What a snapshot is taken of, and how. */
export interface SnapshotSource {
  readonly volume: EngineVolume;
  readonly users: readonly VolumeUser[];
  readonly engine: Promise<{ readonly id: string; readonly serverVersion: string }>;
  readonly startedMs: number;
  readonly consistency: "live" | "stop";
  readonly purpose: Sidecar["purpose"];
  /** Of the volume's metadata, where it was asked for. */
  readonly fingerprint: Sidecar["fingerprint"];
  readonly warnings: ReadingWarnings;
  /** Called when the volume has been read, and waited for before the snapshot counts as written. */
  readonly afterReading?: () => Promise<void>;
}

/** Writes a snapshot through a helper that is there. */
export async function writeSnapshot(
  helper: Helper,
  request: SnapshotRequest,
  tools: Tools,
  source: SnapshotSource,
): Promise<SnapshotReport> {
  const { target, format } = request;
  // Before the data: what the sidecar needs must not be found missing after hours.
  const engine = await source.engine;
  await using pending = await target.store.begin({
    ...target.storedAs,
    format,
    specHash: specHash(source.volume),
    now: tools.now,
    signal: tools.signal,
  });
  const archived = await streamArchive(helper, pending, request, tools);
  const ended = source.afterReading?.();
  const { remarks } = archived.outcome;
  source.warnings.remarks(remarks.map(({ text }) => text));
  const sidecar = describe(request, tools, {
    ...source,
    archived,
    time: pending.time,
    engine,
    totalMs: Math.round(performance.now() - source.startedMs),
  });
  const [{ archivePath, sidecarPath }] = await Promise.all([pending.commit(sidecar), ended]);
  return {
    context: target.context,
    volume: target.volume,
    store: target.store,
    archivePath,
    sidecarPath,
    sidecar,
    unchanged: false,
    why: undefined,
    shortcomings: shortcomings(remarks),
    repeatedWarnings: source.warnings.repeated,
  };
}

/**
 * The containers that use the volume, once it is sure that nobody writes to it through this program. To be
 * asked with the own helper in the engine: of two clients that begin at the same moment one then sees the other.
 *
 * @throws DockformError `refused`.
 */
async function undisturbedUsers(
  target: VolumeTarget,
  volume: EngineVolume,
  ownHelper: string,
  tools: Tools,
): Promise<readonly VolumeUser[]> {
  const { users, journal } = await lookAround(target, volume, [ownHelper], tools.signal);
  await removeDeadReaders(target.engine, journal, tools);
  const inTheWay = operationInTheWay(journal, "snapshot");
  if (inTheWay !== undefined) throw new AtWorkError(inTheWay);
  refuseInterrupted(journal);
  return users;
}

/**
 * A helper that reads a volume while nobody writes to it through this program, and the containers that use the
 * volume. They are asked for while the helper starts.
 *
 * @throws DockformError `refused`; what is wrong with the helper comes first.
 */
export async function openUndisturbedReader(
  target: VolumeTarget,
  volume: EngineVolume,
  tools: Tools,
): Promise<{ readonly helper: Helper; readonly users: readonly VolumeUser[] }> {
  const asked: Promise<readonly VolumeUser[]>[] = [];
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => void (await Promise.allSettled(asked)));
  const image = await target.findHelperImage();
  const helper = stack.use(
    await Helper.open(target.engine, image, {
      name: `dockform-snapshot-${target.volume}-${randomBytes(4).toString("hex")}`,
      operation: beginOperation("snapshot", target.volume, tools),
      temporaryFolder: tools.temporaryFolder,
      capabilities: target.helperCapabilities,
      log: tools.log,
      signal: tools.signal,
      onStarting: (id) => {
        const asking = undisturbedUsers(target, volume, id, tools);
        // Where the helper fails, that is what is told.
        asking.catch(() => {});
        asked.push(asking);
      },
    }),
  );
  const [users] = await Promise.all(asked);
  if (users === undefined) throw new Error("the users of the volume were not looked up");
  stack.move();
  return { helper, users };
}

async function streamArchive(
  helper: Helper,
  pending: PendingSnapshot,
  request: SnapshotRequest,
  tools: Tools,
): Promise<Archived> {
  const { target, format, level } = request;
  const progress = tools.startProgress(target.volume);
  const digest = new Digest();
  const store = {
    see: (bytes: Uint8Array) => digest.update(bytes),
    take: (bytes: Uint8Array) => pending.write(bytes),
  };
  try {
    const { metUnfinished, outcome } = await helper.verbs.archive(
      store,
      { level: format === "tar" ? "none" : level },
      { signal: tools.signal, onProgress: progress.report },
    );
    if (metUnfinished) throw interrupted(undefined, target.volume);
    if (outcome.failure !== undefined) throw cannotRead(target, outcome.failure);
    const lost = unrestorable(outcome.unusualAttributes, target.helperCapabilities);
    const [storedBytes, sha256] = [digest.bytes, digest.sha256()];
    const remarks = [...outcome.remarks, ...unrestorableRemarks(lost)];
    return { outcome: { ...outcome, remarks }, unrestorable: lost, storedBytes, sha256 };
  } finally {
    progress.end();
  }
}

/** Only from another file system than the volume's own does btrfs.* not come back. */
function unrestorableRemarks(attributes: ReadonlyMap<string, number>): readonly Remark[] {
  return [...attributes].map(([name, count]) => {
    const isKept = name.startsWith("btrfs.");
    const entries = formatCount(count, "entry", "entries");
    const place = isKept ? "on Btrfs only" : "only by a helper with SYS_ADMIN, if at all";
    const text = `the attribute ${name} of ${entries} is in the archive, and is restored ${place}`;
    return { kind: isKept ? "note" : "unrestorable", text };
  });
}

function cannotRead(target: VolumeTarget, failure: string): DockformError {
  return new DockformError(
    "volume.unreadable",
    `cannot read volume "${target.volume}": ${failure}`,
    {
      hint: "No snapshot was written. Check the file system under the volume, then try again.",
    },
  );
}

function describe(
  request: SnapshotRequest,
  tools: Tools,
  found: Omit<SnapshotSource, "engine" | "startedMs"> & {
    readonly archived: Archived;
    readonly time: Date;
    readonly engine: { readonly id: string; readonly serverVersion: string };
    readonly totalMs: number;
  },
): Sidecar {
  const { volume, archived, users } = found;
  const checksumField = request.format === "tar" ? "tar" : "tar_zst";
  return {
    dockform_version: tools.version,
    created_at: formatTime(found.time),
    volume_name: volume.name,
    spec_hash: specHash(volume),
    driver: volume.driver,
    driver_opts: volume.driverOpts,
    labels: volume.labels,
    uncompressed_bytes: archived.outcome.tarBytes,
    file_count: archived.outcome.files,
    checksum: { algo: "sha256", [checksumField]: archived.sha256 },
    ...(request.note === undefined ? {} : { notes: request.note }),
    format_version: FORMAT_VERSION,
    stored_bytes: archived.storedBytes,
    entry_count: archived.outcome.entries,
    context: request.target.context,
    engine: { id: found.engine.id, version: found.engine.serverVersion },
    consistency: found.consistency,
    ...(found.purpose === undefined ? {} : { purpose: found.purpose }),
    warnings: archived.outcome.remarks.map(({ text }) => text),
    containers: users.map(({ container, readWrite }) => ({
      name: container.name,
      image: container.image,
      image_digest: container.imageId,
      state: container.state,
      read_write: readWrite,
    })),
    holds: archived.outcome.holds,
    ...(request.target.helperCapabilities.length === 0
      ? {}
      : { helper_capabilities: [...request.target.helperCapabilities] }),
    ...(archived.unrestorable.size === 0
      ? {}
      : { unrestorable_attributes: Object.fromEntries(archived.unrestorable) }),
    durations: { total_ms: found.totalMs, downtime_ms: 0 },
    ...(found.fingerprint === undefined ? {} : { fingerprint: found.fingerprint }),
  };
}
