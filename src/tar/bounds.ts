import { DockformError } from "../errors.ts";

/**
 * How much of an archive is held in memory at once. Each bound is far beyond what a file system of Linux makes of any
 * tree, and together they keep a reader below 200 MB whatever somebody wrote into an archive.
 */

/** An extended header: all attributes and ACLs of one entry, or the list of names of an incremental dump's folder. */
export const EXTENDED_BYTES_MAX = 16 << 20;
/** Of one entry. The kernel tells no more of their names than 64 KiB. */
export const ATTRIBUTES_MAX = 1 << 16;
/** A field's name in an extended header. An attribute's has 255 bytes at most. */
export const KEY_BYTES_MAX = 4096;
/** All that global headers say of the entries that follow: it is looked at for each of them. */
export const GLOBAL_BYTES_MAX = 4 << 10;
/** Parts of a file with holes. */
export const EXTENTS_MAX = 1 << 20;
/** As a text. The kernel's own form has 64 KiB at most. */
export const ACL_TEXT_BYTES_MAX = 1 << 20;
export const ACL_BYTES_MAX = 64 << 10;
/** Twice as deep as a path can be that a program gives to the kernel in one piece. */
const PATH_LEVELS_MAX = 4096;
/** So many names of 255 bytes, each with its slash. */
export const PATH_BYTES_MAX = PATH_LEVELS_MAX * 256;

/** Says which bound an archive is beyond; whoever reads the stream knows where. */
export class BoundProblem extends Error {}

/** `name` is what people call the archive; `where` is in its tar stream. */
export function beyondBounds(name: string, problem: string, positionBytes: number): DockformError {
  return new DockformError(
    "archive.beyond-bounds",
    `${name} is refused: ${problem} (byte ${positionBytes} of the tar stream)`,
    {
      hint: "No real file system needs such an archive. If you trust it all the same, extract it with tar by hand.",
    },
  );
}

/** @throws BoundProblem for a path that is longer or deeper than any that could be extracted. */
export function requireBearablePath(path: string): void {
  // Nearly all paths are shorter than one that could have so many levels.
  if (path.length < PATH_LEVELS_MAX) return;
  if (path.length > PATH_BYTES_MAX) {
    throw new BoundProblem(`there is a path of ${path.length} bytes`);
  }
  let levels = 0;
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) levels += 1;
  if (levels > PATH_LEVELS_MAX) throw new BoundProblem(`there is a path of ${levels} levels`);
}
