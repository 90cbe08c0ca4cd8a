import { DockformError } from "../errors.ts";
import { shellWord } from "../format.ts";
import type { ByteText } from "../tar/header.ts";
import type { LockedVolume } from "../lock/lock.ts";
import { EXDEV, type Obstacle } from "../helper/outcomes.ts";
import { StagedContents } from "./staging.ts";
import type { Tools } from "../tools.ts";

const EPERM = 1;
const EROFS = 30;

/**
 * Looks, without moving anything, for what a swap could not rename.
 *
 * @param how `in_place` where what cannot be renamed is to be removed instead: what cannot be removed either comes first;
 * `beside_kept` where what is kept is to come in, which on a union of disks has to be on one disk with what goes out.
 * @param paths the only ones that are to change places; without them everything does.
 * @throws DockformError `failed` when that cannot be found out.
 */
export async function findObstacle(
  lock: LockedVolume,
  paths: readonly ByteText[] | undefined,
  how: "beside" | "beside_kept" | "in_place",
  tools: Tools,
): Promise<Obstacle | undefined> {
  const { stagingId } = lock;
  const probed = await lock.surely((verbs) => verbs.probe(stagingId, how, paths ?? []));
  if (probed.failure === undefined) return probed.obstacle;
  await StagedContents.of(lock, stagingId, tools).discard();
  throw new DockformError("volume.unwritable", `cannot write to the volume: ${probed.failure}`, {
    hint: "The old contents are in place. Check the file system under the volume.",
  });
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
    [EROFS]: "it is a read-only Btrfs subvolume",
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
    hint: "Nothing was touched. What is kept is in the volume's folder .dockform-kept.",
    advice: [{ code: "restore-in-place", why: "another-time" }],
    data: { errno: obstacle.errno, path: obstacle.name },
  });
}
