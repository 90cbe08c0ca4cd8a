import { DockformError } from "../errors.ts";
import type { ArchiveContents } from "../archive/archive.ts";
import { interrupted } from "../lock/refusals.ts";
import type { Obstacle, PathStanding } from "../helper/outcomes.ts";
import { obstacleText, refuseFixed } from "./movable.ts";
import { goOn } from "./refusals.ts";
import type { VolumeReplacement, WorkloadOptions } from "./request.ts";
import { displayText } from "../tar/path.ts";
import type { ByteText } from "../tar/header.ts";
import { missingRoom } from "./room.ts";
import type { VolumeFiles } from "./files.ts";
import type { Tools } from "../tools.ts";
import { containerTitle, type VolumeUser } from "../workload/users.ts";

/** @throws DockformError `refused` where what the volume holds is not to be replaced. */
export function refuseNonEmpty({ target, force }: VolumeReplacement, facts: VolumeFiles): void {
  if (facts.empty || force) return;
  throw new DockformError("volume.not-empty", `volume "${target.volume}" is not empty`, {
    advice: [{ code: "replace-contents" }, goOn({ what: "replace contents" })],
  });
}

/**
 * There is no cheap way back from a replacement in place, so that it cannot be one of several.
 *
 * @throws DockformError `refused`.
 */
export function refuseInPlaceAmongOthers(restores: readonly VolumeReplacement[]): void {
  const inPlace = restores.find((restore) => restore.inPlace);
  if (inPlace === undefined || restores.length === 1) return;
  throw new DockformError(
    "restore.in-place-among-others",
    `volume "${inPlace.target.volume}" cannot be replaced in place together with other volumes`,
    { hint: "Make room for old and new contents at once, or restore it by itself." },
  );
}

/**
 * Where only some paths are restored, what is there counts, and not the volume as a whole.
 *
 * @throws DockformError `refused`.
 */
export function refusePaths(
  { target, force }: VolumeReplacement,
  standings: ReadonlyMap<ByteText, PathStanding>,
): void {
  const named = (wanted: PathStanding): string =>
    [...standings]
      .filter(([, standing]) => standing === wanted)
      .map(([path]) => displayText(path))
      .join(", ");
  if (named("through") !== "") {
    throw new DockformError(
      "volume.path-through-link",
      `in volume "${target.volume}" the path to ${named("through")} leads through a link, or through something that is not a folder`,
      {
        hint: "Nothing was touched.",
        advice: [{ code: "extract-and-copy" }],
      },
    );
  }
  if (named("there") === "" || force) return;
  throw new DockformError(
    "volume.path-taken",
    `volume "${target.volume}" holds ${named("there")} already`,
    {
      advice: [{ code: "replace-paths" }, goOn({ what: "replace contents" })],
    },
  );
}

/** @throws DockformError `refused` for containers that use the volume, where they are not to be stopped. */
export function refuseUsed(
  volume: string,
  users: readonly VolumeUser[],
  { stopContainers }: Pick<WorkloadOptions, "stopContainers">,
): void {
  if (users.length === 0 || stopContainers) return;
  const named = users.map(({ container }) => `${containerTitle(container)}, ${container.state}`);
  throw new DockformError(
    "volume.in-use",
    `containers are using volume "${volume}": ${named.join("; ")}`,
    {
      advice: [{ code: "stop-containers" }, goOn({ what: "stop containers" })],
      data: { containers: users.map(({ container }) => container.name) },
    },
  );
}

/**
 * Whether a restore has to do without room for old and new contents at once, which has to be allowed.
 *
 * @throws DockformError `refused` when it was not.
 */
export function replacesInPlace(
  { target, inPlace, keepPrevious, keepFailed }: VolumeReplacement,
  files: VolumeFiles,
  contents: ArchiveContents,
): boolean {
  const missing = missingRoom(files, contents);
  if (missing === undefined) return false;
  const { freeBytes, freeInodes } = files;
  const { tarBytes, entries } = contents;
  const data = { freeBytes, neededBytes: tarBytes, freeInodes, neededInodes: entries };
  if (!inPlace) {
    throw new DockformError(
      "volume.no-room",
      `the file system of volume "${target.volume}" cannot hold the old and the new contents at once: ${missing} missing`,
      {
        hint: "Make room on it.",
        advice: [{ code: "restore-in-place", why: "no-room" }],
        data,
      },
    );
  }
  if (keepPrevious || keepFailed) {
    throw new DockformError(
      "volume.no-room-to-keep",
      `there is no room to keep the old contents in volume "${target.volume}": ${missing} missing`,
      {
        advice: [{ code: "keep-nothing" }],
        data,
      },
    );
  }
  return true;
}

/**
 * Whether a restore has to remove what is there before it can put anything in its place, since that cannot be renamed.
 *
 * @throws DockformError `refused` when that was not allowed, or is no way either.
 */
export function clearsTheWay(
  { target, inPlace, keepPrevious, keepFailed, paths }: VolumeReplacement,
  obstacle: Obstacle | undefined,
): boolean {
  if (obstacle === undefined) return false;
  refuseFixed(obstacle, target.volume);
  const message = obstacleText(obstacle, target.volume);
  const data = { errno: obstacle.errno, path: obstacle.name };
  if (paths.length > 0) {
    throw new DockformError("volume.immovable", message, {
      hint: "Nothing was touched.",
      advice: [{ code: "extract-and-copy" }],
      data,
    });
  }
  if (!inPlace) {
    throw new DockformError("volume.immovable", message, {
      hint: "Nothing was touched.",
      advice: [{ code: "restore-in-place", why: "immovable" }],
      data,
    });
  }
  if (keepPrevious || keepFailed) {
    throw new DockformError("volume.immovable", message, {
      advice: [{ code: "keep-nothing" }],
      data,
    });
  }
  return true;
}

/** @throws DockformError `refused` where the root folder's attributes could not be replaced. */
export function refuseFixedAttributes(
  { target }: VolumeReplacement,
  { missingTool }: VolumeFiles,
): void {
  if (missingTool === undefined) return;
  throw new DockformError(
    "volume.root-attributes",
    `the root folder of volume "${target.volume}" has attributes or an ACL, and the helper image has no ${missingTool} to replace them`,
    {
      hint: "Nothing was touched. Install acl and attr on this machine (Debian: apt-get install acl attr), or name an image that has them.",
    },
  );
}

/**
 * @throws DockformError `refused` for a file system mounted inside the volume, which could only be moved and
 * removed together with it.
 */
export function refuseMounts(volume: string, { mounted }: VolumeFiles): void {
  if (mounted === undefined) return;
  throw new DockformError(
    "volume.mount-inside",
    `${mounted} in volume "${volume}" is another file system's mount point`,
    { hint: "Nothing was touched. Unmount it first: what it holds is not part of the volume." },
  );
}

/** @throws DockformError `refused` when the volume's folders tell of an operation that was cut short. */
export function refuseUnfinished(volume: string, { unfinished }: VolumeFiles): void {
  if (unfinished.length > 0) throw interrupted(undefined, volume);
}

/**
 * One set of contents can be kept at a time.
 *
 * @throws DockformError `refused` when contents that are kept would make room for others, which has to be allowed.
 */
export function refuseToPushOutKept(
  { target, keepPrevious, keepFailed, discardKept }: VolumeReplacement,
  { kept }: VolumeFiles,
  { log }: Pick<Tools, "log">,
): void {
  if (kept === undefined || !(keepPrevious || keepFailed)) return;
  const since = `contents since ${kept.kept_at}`;
  const when = keepPrevious ? "once this restore is done" : "if the new ones fail and are kept";
  if (discardKept) {
    log.warn(`what volume "${target.volume}" keeps (${since}) is removed ${when}`);
    return;
  }
  throw new DockformError(
    "volume.keeps-contents",
    `volume "${target.volume}" keeps ${since} already, which would be removed ${when}`,
    {
      hint: "Nothing was touched.",
      advice: [
        { code: "let-go-of-kept", volume: target.volume },
        goOn({ what: "discard kept contents" }),
      ],
    },
  );
}
