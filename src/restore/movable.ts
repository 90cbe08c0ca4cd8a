import { DockformError } from "../errors.ts";
import { shellWord } from "../format.ts";
import type { ByteText } from "../tar/header.ts";
import type { LockedVolume } from "../lock/lock.ts";
import { toWord } from "./files.ts";
import { StagedContents } from "./staging.ts";
import type { Tools } from "../tools.ts";

/** What in a volume cannot be renamed into another folder of it, and why. */
export interface Obstacle {
  /** As the kernel names it, e.g. 18 for EXDEV. */
  readonly errno: number;
  /** In the volume, fit to be shown; `.` where nothing can be renamed. */
  readonly name: string;
  /** As the kernel names it: `fuse.mergerfs`. */
  readonly fileSystemType: string;
}

const EPERM = 1;
const EXDEV = 18;
const EROFS = 30;

/**
 * Looks, without moving anything, for what a swap could not rename.
 *
 * @param how `in_place` where what cannot be renamed is to be removed instead: what cannot be removed either comes first.
 * @param paths the only ones that are to change places; without them everything does.
 * @throws DockformError `failed` when that cannot be found out.
 */
export async function findObstacle(
  lock: LockedVolume,
  paths: readonly ByteText[] | undefined,
  how: "beside" | "in_place",
  tools: Tools,
): Promise<Obstacle | undefined> {
  const words = (paths ?? []).map(toWord);
  const { facts, messages, status } = await lock.callSurely([
    "probe",
    lock.stagingId,
    how,
    ...words,
  ]);
  if (status !== 0) {
    await StagedContents.of(lock, lock.stagingId, tools).discard();
    throw new DockformError(
      "volume.unwritable",
      `cannot write to the volume: ${messages.at(-1) ?? status}`,
      {
        hint: "The old contents are in place. Check the file system under the volume.",
      },
    );
  }
  const found = facts.get("unmovable");
  return found === undefined ? undefined : parseObstacle(found, facts.get("file_system_type"));
}

/** Reads the helper's "ERRNO NAME". */
function parseObstacle(fact: string, fileSystemType = "unknown"): Obstacle {
  const [errno = "", ...name] = fact.split(" ");
  return { errno: Number(errno), name: name.join(" "), fileSystemType };
}

/** Whether removing it in its place is a way where renaming is none. */
function isRemovable({ errno }: Obstacle): boolean {
  return errno === EXDEV;
}

/** What is in the way of a swap, for a message. */
export function obstacleText({ errno, name, fileSystemType }: Obstacle, volume: string): string {
  const what = name === "." ? `folders in volume "${volume}"` : `${name} in volume "${volume}"`;
  const because = {
    [EPERM]: "it is immutable or append-only",
    [EXDEV]: `its file system (${fileSystemType}) does not move it to another folder`,
    [EROFS]: "it is read-only, as a Btrfs subvolume can be",
  }[errno];
  return `${what} cannot be renamed: ${because ?? `error ${errno} of the file system (${fileSystemType})`}`;
}

/** What to do about it, where --in-place is no way. */
function obstacleAdvice({ errno, name }: Obstacle): string {
  switch (errno) {
    case EPERM:
      return `Nothing was touched. Look at it with \`lsattr -d\`, take the attributes off (\`chattr -i -a ${shellWord(name)}\`), and run this again.`;
    case EROFS:
      return `Nothing was touched. Make it writable (\`btrfs property set -ts ${shellWord(name)} ro false\`), or remove it, and run this again.`;
    default:
      return "Nothing was touched. Check the file system under the volume.";
  }
}

/** @throws DockformError `refused` for what neither a rename nor anything else takes out of its place. */
export function refuseFixed(obstacle: Obstacle | undefined, volume: string): void {
  if (obstacle === undefined || isRemovable(obstacle)) return;
  throw new DockformError("volume.immovable", obstacleText(obstacle, volume), {
    hint: obstacleAdvice(obstacle),
    data: { errno: obstacle.errno, path: obstacle.name },
  });
}

/** @throws DockformError `refused` for whatever cannot be renamed. */
export function refuseObstacle(obstacle: Obstacle | undefined, volume: string): void {
  if (obstacle === undefined) return;
  refuseFixed(obstacle, volume);
  throw new DockformError("volume.immovable", obstacleText(obstacle, volume), {
    hint: "Nothing was touched. What is kept is in the volume's folder .dockform-kept; a snapshot can be restored with --in-place.",
    data: { errno: obstacle.errno, path: obstacle.name },
  });
}
