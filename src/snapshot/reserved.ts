/** Names at the top of a volume that are this program's own: operations in flight, and what they keep or put aside. */

const PREFIX = ".dockform-";
const ID_DIGITS = 12;
const DIGIT = "[0-9a-f]";

/** The id of an operation, as a pattern of a shell's. */
export const ID_GLOB = DIGIT.repeat(ID_DIGITS);

/** What an operation has kept of the contents that it replaced. */
export const KEPT_FOLDER = `${PREFIX}kept`;

/** The staging folder of an operation. */
export function stagingFolder(id: string): string {
  return `${PREFIX}${id}`;
}

/** What an operation is removing. */
export function trashFolder(id: string): string {
  return `${PREFIX}trash-${id}`;
}

/** What somebody else wrote while the volume was between old and new. */
export function asideFolder(id: string): string {
  return `${PREFIX}aside-${id}`;
}

/** One of these names, as an extended regular expression that POSIX tools and Perl understand, too. */
export const RESERVED_NAME = `\\.dockform-(kept|((trash|aside)-)?${DIGIT}{${ID_DIGITS}})`;

const RESERVED_PATH = new RegExp(`^${RESERVED_NAME}(/|$)`);

/** Whether a path in a volume, without `./` in front, is no data of the volume's. */
export function isReservedPath(path: string): boolean {
  return RESERVED_PATH.test(path);
}
