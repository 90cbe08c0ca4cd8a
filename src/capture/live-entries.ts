import { DockformError } from "../errors.ts";
import type { TarEntry } from "../tar/entries.ts";
import { entriesThrough } from "./entries.ts";
import { openUndisturbedReader } from "./snapshot.ts";
import { existingVolume, type VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";

/**
 * What a volume holds at this moment, as an archive of it would. Nothing is stored.
 *
 * @throws DockformError `failed` when the volume does not exist or cannot be read, `refused` while a restore
 * works on it.
 */
export async function* liveEntries(target: VolumeTarget, tools: Tools): AsyncGenerator<TarEntry> {
  const volume = await existingVolume(target, tools.signal);
  const reader = await openUndisturbedReader(target, volume, tools);
  await using helper = reader.helper;
  const source = {
    volume: target.volume,
    title: `Reading ${target.volume}`,
    cannotRead: (failure: string) => cannotRead(target, failure),
    onRemark: (remark: string) => tools.log.warn(`${target.volume}: ${remark}`),
  };
  yield* entriesThrough(helper.verbs, source, tools);
}

function cannotRead(target: VolumeTarget, failure: string): DockformError {
  return new DockformError(
    "volume.unreadable",
    `cannot read volume "${target.volume}": ${failure}`,
    {
      hint: "Check the file system under the volume, then try again.",
    },
  );
}
