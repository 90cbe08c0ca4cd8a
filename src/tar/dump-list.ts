import type { ByteText } from "./header.ts";
import { entryPath } from "./path.ts";

/**
 * The first file that a folder's list in an incremental dump names as one that this dump does not hold. That is one in
 * the dump before it, or one that was excluded. The list is of texts that end with a NUL: a letter, `N` for such a file, and its name.
 */
export function firstNotDumped(list: Buffer, folder: ByteText): ByteText | undefined {
  for (let at = 0; at < list.length;) {
    const nul = list.indexOf(0, at);
    const end = nul < 0 ? list.length : nul;
    if (list[at] === NOT_DUMPED) {
      return entryPath(`${folder}/${list.toString("latin1", at + 1, end)}`);
    }
    at = end + 1;
  }
  return undefined;
}

/** `N` */
const NOT_DUMPED = 0x4e;
