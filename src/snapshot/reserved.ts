/** Names at the top of a volume that are this program's own: operations in flight, and what they keep or put aside. */
const RESERVED = /^\.dockform-(?:[0-9a-f]{12}|kept|(?:trash|aside)-[0-9a-f]{12})(?:\/|$)/;

/** Whether a path in a volume, without `./` in front, is no data of the volume's. */
export function isReservedPath(path: string): boolean {
  return RESERVED.test(path);
}
