import type { ByteText } from "./header.ts";
import { entryPath } from "./path.ts";

/**
 * The first file that a folder's list in an incremental dump names as one that this dump does not hold. That is one in
 * the dump before it, or one that was excluded. The list is of texts that end with a NUL: a letter, `N` for such a file, and its name.
 */
export function firstNotDumped(list: ByteText, folder: ByteText): ByteText | undefined {
  const item = list.split("\0").find((text) => text.startsWith("N"));
  return item === undefined ? undefined : entryPath(`${folder}/${item.slice(1)}`);
}
