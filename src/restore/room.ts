import type { ArchiveContents } from "../archive/archive.ts";
import { formatBytes } from "../format.ts";
import type { VolumeFiles } from "./files.ts";

/** What a file system lacks for an archive; tar's stream is a lower bound of what its files take. */
export function missingRoom(
  { freeBytes, freeInodes }: Pick<VolumeFiles, "freeBytes" | "freeInodes">,
  { tarBytes, entries }: Pick<ArchiveContents, "tarBytes" | "entries">,
): string | undefined {
  const missing = [
    ...(freeBytes < tarBytes ? [`${formatBytes(tarBytes - freeBytes)} of space`] : []),
    ...(freeInodes < entries ? [`${entries - freeInodes} inodes`] : []),
  ];
  return missing.length === 0 ? undefined : missing.join(" and ");
}
