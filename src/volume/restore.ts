import type { LostGroup } from "../helper/message-groups.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import type { ByteText } from "../tar/header.ts";
import { Archive, type ArchiveContents } from "./archive.ts";
import { aboutNow } from "./kept.ts";
import { replaceInPlace, type Refilled } from "./in-place.ts";
import { LockedVolume } from "./lock.ts";
import { findObstacle } from "./movable.ts";
import type { ContainerOutcome } from "./quiesce.ts";
import { replaceContents, type ReplaceOptions } from "./replace.ts";
import {
  clearsTheWay,
  declaredVolume,
  refuseFixedAttributes,
  replacesInPlace,
  refuseMounts,
  refuseNonEmpty,
  refusePaths,
  refuseToPushOutKept,
  refuseUnfinished,
  refuseUsers,
} from "./restore-checks.ts";
import { type ANY_VOLUME, refuseStranger, warnAboutSidecar } from "./restore-origin.ts";
import { selectPaths, type ArchiveSource } from "./selection.ts";
import {
  inspectVolumeFiles,
  StagedContents,
  type ExtractOptions,
  type VolumeFiles,
} from "./staging.ts";
import { stopwatch } from "./stopwatch.ts";
import { refuseEmpty, surveyArchive, type Room } from "./survey.ts";
import type { VolumeTarget } from "./target.ts";
import type { Tools } from "./tools.ts";
import type { DoesWithout } from "./without.ts";

export interface RestoreRequest extends DoesWithout {
  readonly target: VolumeTarget;
  readonly archivePath: string;
  /** Allow a volume that the manifest does not declare. */
  readonly undeclared: boolean;
  /** Allow replacing what the volume holds. */
  readonly force: boolean;
  readonly stopContainers: boolean;
  /** Make every check, then stop. */
  readonly dryRun: boolean;
  /** Keep what the volume held, for `volume undo`. */
  readonly keepPrevious: boolean;
  /** Keep the new contents where containers are not well on them. */
  readonly keepFailed: boolean;
  /** Only these paths of the snapshot; everything where there is none. */
  readonly paths: readonly ByteText[];
  /** Which other volume the snapshot may be of, and then must be. */
  readonly fromVolume: string | typeof ANY_VOLUME | undefined;
  /** Compare what was extracted with the archive, entry by entry, before it takes its place. */
  readonly verify: boolean;
  /** Where there is no room for old and new contents at once: replace the old after a snapshot of them. */
  readonly inPlace: boolean;
  /** Allow an archive that would leave the volume empty. */
  readonly forceEmpty: boolean;
  /** For how long containers may take to be well after their start; 0 asks for nothing. */
  readonly healthTimeoutMs: number;
}

export interface RestoreReport {
  readonly context: string;
  readonly volume: string;
  readonly archivePath: string;
  readonly dryRun: boolean;
  readonly tarBytes: number;
  readonly entries: number;
  /** Against the sidecar's SHA-256, or by reading the whole archive where there is no sidecar. */
  readonly checkedBy: "checksum" | "reading";
  readonly keptPrevious: boolean;
  /** What the target, or the helper, could not put back, and was left out. */
  readonly leftOut: readonly LostGroup[];
  readonly containers: readonly ContainerOutcome[];
  readonly durations: {
    readonly checkMs: number;
    readonly extractMs: number;
    /** Renames alone, whatever the volume's size. */
    readonly swapMs: number;
    /** Until the containers were known to be well. */
    readonly watchMs: number;
    readonly removeOldMs: number;
    readonly totalMs: number;
  };
}

/**
 * Replaces a volume's contents by a snapshot's. Every refusal comes before the first side effect;
 * until the swap the old contents stay in place, and containers that were stopped are started again
 * whatever happens.
 *
 * @throws DockformError `refused`, `usage`, `integrity` or `failed`, in the order of the checks.
 */
export async function restoreVolume(request: RestoreRequest, tools: Tools): Promise<RestoreReport> {
  const clock = stopwatch();
  const { target } = request;
  tools.log.debug("phase: check");
  const volume = await declaredVolume(request, tools);
  await using archive = await Archive.open(request.archivePath);
  const sidecar = await archive.sidecar();
  refuseStranger(request, sidecar);
  warnAboutSidecar(archive, sidecar, volume, target, tools);
  // Starting the helper touches nothing, and takes about as long as reading a small archive.
  await using locking = new Locking(LockedVolume.lock(target, volume, "restore", tools));
  const { source, contents, paths, files } =
    request.paths.length > 0
      ? await checkSelection(archive, sidecar, request, locking, tools)
      : await checkArchive(archive, sidecar, request, locking, tools);
  const lock = await locking.lock;
  if (paths === undefined) refuseNonEmpty(request, files);
  else await refusePaths(request, lock, paths, tools);
  await refuseUsers(request, lock, tools);
  refuseUnfinished(lock, files);
  refuseMounts(lock, files);
  const lacksRoom = replacesInPlace(request, files, contents);
  refuseFixedAttributes(target, files);
  refuseToPushOutKept(request, files, tools);
  // Nothing is in the way in an empty volume.
  const obstacle = files.empty ? undefined : await findObstacle(lock, paths, tools);
  const inPlace = clearsTheWay(request, obstacle) || lacksRoom;
  // What is not readable to the helper must not be found out when the old contents are gone.
  if (inPlace) {
    await archive.scan(lock.helper, contents.tarBytes, tools.startProgress, tools.signal);
  }
  const checkMs = clock.lap();
  const { tarBytes, entries } = contents;
  const checkedBy = sidecar === undefined ? "reading" : "checksum";
  const found = { tarBytes, entries, checkedBy, keptPrevious: false, leftOut: [] } as const;
  if (request.dryRun) {
    return report(request, { ...found, containers: [], durations: { ...NOTHING_DONE, checkMs } });
  }

  const { verify, without, strictAttributes } = request;
  const extractOptions = { verify, without, strictAttributes, paths };
  const options = { ...replaceOptions(request, tools), ...extractOptions };
  const replaceBy = inPlace ? replaceInPlace : replaceBeside;
  const { containers, kept, leftOut, ...took } = await replaceBy(
    lock,
    source,
    contents,
    options,
    tools,
  );
  const durations = { checkMs, ...took, totalMs: clock.total() };
  const keptPrevious = kept !== undefined;
  return report(request, { ...found, keptPrevious, leftOut, containers, durations });
}

/** An archive, or a part of it, that was checked, and the volume that it is to go into. */
interface Checked {
  readonly source: ArchiveSource;
  readonly contents: ArchiveContents;
  /** The only ones that are restored; without them everything is. */
  readonly paths: readonly ByteText[] | undefined;
  readonly files: VolumeFiles;
}

async function checkArchive(
  archive: Archive,
  sidecar: Sidecar | undefined,
  { inPlace, forceEmpty }: RestoreRequest,
  locking: Locking,
  tools: Tools,
): Promise<Checked> {
  const { helper } = await locking.lock;
  const files = await inspectVolumeFiles(helper, tools.signal);
  const survey = await surveyArchive(archive, sidecar, roomFor(files, inPlace), tools);
  refuseEmpty(archive, survey, forceEmpty);
  return { source: archive, contents: survey.contents, paths: undefined, files };
}

function roomFor({ freeBytes, totalBytes }: VolumeFiles, inPlace: boolean): Room {
  const otherwise = "Make room on it, or restore from another snapshot.";
  return inPlace
    ? { bytes: totalBytes, otherwise }
    : {
        bytes: freeBytes,
        otherwise: `${otherwise} Or add --in-place to do without room for the old contents.`,
      };
}

async function checkSelection(
  archive: Archive,
  sidecar: Sidecar | undefined,
  request: RestoreRequest,
  locking: Locking,
  tools: Tools,
): Promise<Checked> {
  const selection = await selectPaths(archive, sidecar, request.paths, tools);
  const { helper } = await locking.lock;
  return { ...selection, files: await inspectVolumeFiles(helper, tools.signal) };
}

async function replaceBeside(
  lock: LockedVolume,
  archive: ArchiveSource,
  contents: ArchiveContents,
  options: ReplaceOptions & ExtractOptions,
  tools: Tools,
): Promise<Refilled> {
  tools.log.debug("phase: extract");
  const clock = stopwatch();
  const staged = await StagedContents.extract(lock, archive, contents, options, tools);
  const extractMs = clock.lap();
  const { leftOut } = staged;
  return { extractMs, leftOut, ...(await replaceContents(lock, staged, options, tools)) };
}

const NOTHING_DONE = { extractMs: 0, swapMs: 0, watchMs: 0, removeOldMs: 0, totalMs: 0 };

/** A lock that is being taken while something else goes on; disposing waits for it. */
class Locking implements AsyncDisposable {
  readonly lock: Promise<LockedVolume>;

  constructor(lock: Promise<LockedVolume>) {
    this.lock = lock;
    // Whoever never comes to ask for it has another error to tell.
    lock.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lock.then(
      (lock) => lock[Symbol.asyncDispose](),
      () => {},
    );
  }
}

function replaceOptions(request: RestoreRequest, tools: Tools): ReplaceOptions {
  const about = aboutNow(request.archivePath, tools);
  return {
    stopContainers: request.stopContainers,
    healthTimeoutMs: request.healthTimeoutMs,
    keepReplaced: request.keepPrevious ? about : undefined,
    keepFailed: request.keepFailed ? about : undefined,
  };
}

function report(
  { target, archivePath, dryRun }: RestoreRequest,
  found: Omit<RestoreReport, "context" | "volume" | "archivePath" | "dryRun">,
): RestoreReport {
  return { context: target.context, volume: target.volume, archivePath, dryRun, ...found };
}
