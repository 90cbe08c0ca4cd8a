import type { EngineVolume } from "../engine/volumes.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import { Archive } from "../archive/archive.ts";
import { checkArchive, type CheckedArchive } from "./check-archive.ts";
import { shapeToCreate, VolumeCreation, volumeToRestore } from "./create.ts";
import { aboutNow } from "./kept.ts";
import { ReplacementBeside, type KeepOptions } from "./beside.ts";
import { ReplacementInPlace } from "./in-place.ts";
import { LockedVolume } from "../lock/lock.ts";
import { findObstacle } from "./movable.ts";
import { replaceTogether } from "./replace.ts";
import {
  clearsTheWay,
  refuseFixedAttributes,
  replacesInPlace,
  refuseMounts,
  refuseNonEmpty,
  refusePaths,
  refuseToPushOutKept,
  refuseUnfinished,
  refuseUsers,
} from "./checks.ts";
import { refuseStranger, warnAboutSidecar } from "./origin.ts";
import type { RestoreReport, RestoreRequest } from "./request.ts";
import { inspectVolumeFiles, type VolumeFiles } from "./files.ts";
import { scanArchive } from "./scan.ts";
import { stopwatch, type Stopwatch } from "../stopwatch.ts";
import type { Room } from "../archive/survey.ts";
import type { Tools } from "../tools.ts";

/**
 * Replaces a volume's contents by a snapshot's. Every refusal comes before the first side effect;
 * until the swap the old contents stay in place, and containers that were stopped are started again
 * whatever happens.
 *
 * @throws DockformError `refused`, `usage`, `integrity` or `failed`, in the order of the checks.
 */
export async function restoreVolume(request: RestoreRequest, tools: Tools): Promise<RestoreReport> {
  const clock = stopwatch();
  tools.log.debug("phase: check");
  const volume = await volumeToRestore(request, tools);
  await using archive = await Archive.open(request);
  const sidecar = await archive.sidecar();
  refuseStranger(request, sidecar);
  warnAboutSidecar(archive, sidecar, volume, request.target, tools);
  const restore = { request, archive, sidecar, clock };
  return volume === undefined
    ? await restoreIntoNew(restore, tools)
    : await restoreIntoExisting(restore, volume, tools);
}

interface Restore {
  readonly request: RestoreRequest;
  readonly archive: Archive;
  readonly sidecar: Sidecar | undefined;
  readonly clock: Stopwatch;
}

async function restoreIntoExisting(
  restore: Restore,
  volume: EngineVolume,
  tools: Tools,
): Promise<RestoreReport> {
  const { request, archive, sidecar } = restore;
  // Starting the helper touches nothing, and takes about as long as reading a small archive.
  await using locking = new Locking(LockedVolume.lock(request.target, volume, "restore", tools));
  let inspection: Promise<VolumeFiles> | undefined;
  // Only when it is asked for: a helper that is at work cannot be taken leave of.
  const inspect = (): Promise<VolumeFiles> =>
    (inspection ??= locking.lock.then(({ verbs }) => inspectVolumeFiles(verbs, tools.signal)));
  const room = async (): Promise<Room> => roomFor(await inspect(), request.inPlace);
  const checked = await checkArchive(archive, sidecar, request, room, tools);
  return await replaceBy(restore, checked, await locking.lock, await inspect(), tools);
}

/** How much room there is shows only once there is a volume. */
const UNKNOWN_ROOM: Room = { bytes: Infinity, otherwise: "" };

/** Creates the volume when nothing is left to be found out without it, and removes it again after a failure. */
async function restoreIntoNew(restore: Restore, tools: Tools): Promise<RestoreReport> {
  const { request, archive, sidecar, clock } = restore;
  const { target } = request;
  const shape = shapeToCreate(target, sidecar);
  const checked = await checkArchive(archive, sidecar, request, async () => UNKNOWN_ROOM, tools);
  if (request.dryRun) {
    return { ...reportOfChecks(restore, checked, clock.lap()), createdVolume: true };
  }
  await using creation = new VolumeCreation(target, shape, tools);
  const volume = await creation.create();
  await using lock = await LockedVolume.lock(target, volume, "restore", tools);
  try {
    const files = await inspectVolumeFiles(lock.verbs, tools.signal);
    const willWrite = (): void => creation.willWrite();
    const restored = await replaceBy(restore, checked, lock, files, tools, willWrite);
    creation.keep();
    return { ...restored, createdVolume: true };
  } catch (error) {
    await creation.look(lock);
    throw error;
  }
}

/** Makes the checks that need the volume, and replaces its contents by those of an archive that was checked. */
async function replaceBy(
  restore: Restore,
  checked: CheckedArchive,
  lock: LockedVolume,
  files: VolumeFiles,
  tools: Tools,
  willWrite = (): void => {},
): Promise<RestoreReport> {
  const { request, archive, clock } = restore;
  const { source, contents, paths } = checked;
  if (paths === undefined) refuseNonEmpty(request, files);
  else await refusePaths(request, lock, paths, tools);
  await refuseUsers(request, lock, tools);
  refuseUnfinished(lock, files);
  refuseMounts(lock, files);
  const lacksRoom = replacesInPlace(request, files, contents);
  refuseFixedAttributes(request.target, files);
  refuseToPushOutKept(request, files, tools);
  willWrite();
  const obstacle = await findObstacle(lock, paths, request.inPlace ? "in_place" : "beside", tools);
  const inPlace = clearsTheWay(request, obstacle) || lacksRoom;
  // What is not readable to the helper must not be found out when the old contents are gone.
  if (inPlace && source === archive) {
    await scanArchive(archive, lock.verbs, contents.tarBytes, tools);
  }
  const checkMs = clock.lap();
  if (request.dryRun) return reportOfChecks(restore, checked, checkMs);

  const { verify, without, strictAttributes } = request;
  const extract = { verify, without, strictAttributes, paths };
  const replacement = inPlace
    ? await ReplacementInPlace.prepare(lock, source, contents, extract, tools)
    : await ReplacementBeside.extract(
        lock,
        source,
        contents,
        { ...extract, ...keepOptions(request, tools) },
        tools,
      );
  const { containers, kept, ...took } = await replaceTogether([replacement], request, tools);
  const { leftOut, durations } = replacement;
  return {
    ...reportOfChecks(restore, checked, checkMs),
    keptPrevious: kept.has(replacement),
    leftOut,
    containers,
    durations: { checkMs, ...durations, ...took, totalMs: clock.total() },
  };
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

function keepOptions(request: RestoreRequest, tools: Tools): KeepOptions {
  const about = aboutNow(request.archivePath, tools);
  return {
    keepReplaced: request.keepPrevious ? about : undefined,
    keepFailed: request.keepFailed ? about : undefined,
  };
}

/** What there is to tell before anything was replaced. */
function reportOfChecks(
  { request, sidecar }: Restore,
  { contents, outsideEntries }: CheckedArchive,
  checkMs: number,
): RestoreReport {
  const { target, archivePath, dryRun } = request;
  return {
    context: target.context,
    volume: target.volume,
    archivePath,
    dryRun,
    tarBytes: contents.tarBytes,
    entries: contents.entries,
    outsideEntries,
    checkedBy: sidecar === undefined ? "reading" : "checksum",
    createdVolume: false,
    keptPrevious: false,
    leftOut: [],
    containers: [],
    durations: { ...NOTHING_DONE, checkMs },
  };
}
