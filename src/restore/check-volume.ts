import type { LockedVolume } from "../lock/lock.ts";
import { refuseInterrupted } from "../lock/refusals.ts";
import type { Tools } from "../tools.ts";
import { refuseUnholdable, refuseUnstoppable } from "../workload/unstoppable.ts";
import type { VolumeUser } from "../workload/users.ts";
import {
  clearsTheWay,
  refuseFixedAttributes,
  refuseMounts,
  refuseNonEmpty,
  refusePaths,
  refuseToPushOutKept,
  refuseUnfinished,
  refuseUsed,
  replacesInPlace,
} from "./checks.ts";
import type { VolumeFiles } from "./files.ts";
import { refuseForgetful } from "./memory.ts";
import { findObstacle } from "./movable.ts";
import { scanArchive } from "./scan.ts";
import type { Refusals } from "./refusals.ts";
import type { CheckedContents } from "./new-contents.ts";
import type { VolumeReplacement, WorkloadOptions } from "./request.ts";

/** A replacement whose new contents were checked. */
export interface CheckedReplacement {
  readonly request: VolumeReplacement;
  readonly checked: CheckedContents;
}

/** How new contents are to take the place of old ones. */
export type Way = "beside" | "in_place";

/** A volume to restore into: locked, checked, and untouched. */
export interface Place {
  readonly lock: LockedVolume;
  readonly way: Way;
  /** What was found in it. */
  readonly files: VolumeFiles;
  readonly users: readonly VolumeUser[];
}

/**
 * Makes the checks that need the volume, with the lock in hand: whoever else begins meanwhile sees it and gives way,
 * so that what was found out stays true until the lock is let go.
 *
 * @param refusals collects what can be allowed; nothing is written then.
 * @param willWrite is called before anything is written to the volume, be it only to try something.
 * @throws DockformError `refused`, `failed`, in the order of the checks.
 */
export async function checkVolume(
  { request, checked }: CheckedReplacement,
  lock: LockedVolume,
  files: VolumeFiles,
  workload: WorkloadOptions,
  refusals: Refusals,
  tools: Tools,
  willWrite = (): void => {},
): Promise<Place> {
  const { source, contents, isAsStored, paths } = checked;
  if (paths === undefined) refusals.collect(() => refuseNonEmpty(request, files));
  else {
    const standings = await lock.verbs.lookAt(paths, tools.signal);
    refusals.collect(() => refusePaths(request, standings));
  }
  const users = await refuseUsers(lock, workload, refusals, tools);
  refuseUnfinished(lock.volume.name, files);
  refuseMounts(lock.volume.name, files);
  const lacksRoom = contents !== undefined && replacesInPlace(request, files, contents);
  refuseFixedAttributes(request, files);
  refusals.collect(() => refuseToPushOutKept(request, files, tools));
  // What is refused is not written to, be it only to try something.
  if (!refusals.isEmpty) return { lock, way: lacksRoom ? "in_place" : "beside", files, users };
  willWrite();
  const obstacle = await findObstacle(lock, paths, request.inPlace ? "in_place" : "beside", tools);
  const way = clearsTheWay(request, obstacle) || lacksRoom ? "in_place" : "beside";
  // What is not readable to the helper must not be found out when the old contents are gone.
  if (way === "in_place" && isAsStored && contents !== undefined) {
    await scanArchive(source, lock.verbs, contents.tarBytes, tools);
  }
  return { lock, way, files, users };
}

/**
 * Refuses what else works on the volume: other clients, what an operation that was cut short left in the
 * engine, containers.
 *
 * @throws DockformError `refused`.
 */
export async function refuseUsers(
  lock: LockedVolume,
  workload: Pick<WorkloadOptions, "stopContainers">,
  refusals: Refusals,
  { signal }: Tools,
): Promise<readonly VolumeUser[]> {
  const { users, journal } = await lock.survey(signal);
  refuseInterrupted(journal);
  refusals.collect(() => refuseUsed(lock.volume.name, users, workload));
  await refuseUnstoppable(lock.target.engine, users, signal);
  if (workload.stopContainers) await refuseUnholdable(lock.target.engine, users, signal);
  await refuseForgetful(lock, users, signal);
  return users;
}
