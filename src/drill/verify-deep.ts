import { isReservedPath } from "../snapshot/reserved.ts";
import { compareEntries, type EntryDifference } from "../tar/compare.ts";
import type { TarEntry } from "../tar/entries.ts";
import { Archive } from "../archive/archive.ts";
import { ArchivePass } from "../archive/pass.ts";
import { restoreInto } from "./drill.ts";
import { liveEntries } from "../capture/live-entries.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { ArchiveInStore } from "../store/store.ts";
import { removeLeftovers, ThrowAwayVolume } from "./throwaway.ts";
import type { Tools } from "../tools.ts";

/**
 * Restores a snapshot into a throw-away volume, reads that, and compares entry by entry with the archive.
 *
 * @returns what came back otherwise; nothing where the snapshot can be restored as it is.
 */
export async function compareRestored(
  target: VolumeTarget,
  snapshot: ArchiveInStore,
  tools: Tools,
): Promise<readonly EntryDifference[]> {
  await removeLeftovers(target.engine, tools);
  await using throwAway = await ThrowAwayVolume.create(target, tools);
  await restoreInto(throwAway, snapshot, tools);
  return await compareEntries(
    archiveEntries(snapshot, tools),
    liveEntries(throwAway.target, tools),
    isReservedPath,
  );
}

async function* archiveEntries(snapshot: ArchiveInStore, tools: Tools): AsyncGenerator<TarEntry> {
  await using archive = await Archive.open(snapshot);
  using pass = new ArchivePass(archive, "Comparing", tools);
  yield* pass.reader.entries();
}
