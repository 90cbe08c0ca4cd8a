/** Names at the top of a volume that are this program's own: operations in flight, and what they keep or put aside. */

const PREFIX = ".dockform-";
const ID = "[0-9a-f]{12}";

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
const RESERVED_NAME = `\\.dockform-(kept|((trash|aside)-)?${ID})`;

const RESERVED_PATH = new RegExp(`^${RESERVED_NAME}(/|$)`);

/** Whether a path in a volume, without `./` in front, is no data of the volume's. */
export function isReservedPath(path: string): boolean {
  return RESERVED_PATH.test(path);
}
