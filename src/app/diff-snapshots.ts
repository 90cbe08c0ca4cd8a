import { Archive } from "../archive/archive.ts";
import { ArchivePass } from "../archive/pass.ts";
import { liveEntries } from "../capture/live-entries.ts";
import { DockformError } from "../errors.ts";
import { isReservedPath } from "../snapshot/reserved.ts";
import type { ArchiveInStore } from "../store/store.ts";
import { compareEntries, type EntryDifference } from "../tar/compare.ts";
import type { TarEntry } from "../tar/entries.ts";
import type { Tools } from "../tools.ts";
import type { FoundSnapshot } from "./catalog.ts";
import type { Workspace } from "./workspace.ts";

/** In place of a snapshot: what the volume holds at this moment. */
export const LIVE = "live";

export interface SnapshotDifferences {
  readonly before: FoundSnapshot;
  readonly after: FoundSnapshot | typeof LIVE;
  /** By path. */
  readonly differences: readonly EntryDifference[];
}

/**
 * Compares two snapshots, or a snapshot with the volume that it was named by.
 *
 * @param to what is compared with; without a volume, one of the same volume's snapshots, or {@link LIVE}.
 * @throws DockformError `snapshot.not-found`; `snapshot.no-volume-named` for a path and what is live.
 */
export async function diffSnapshots(
  workspace: Workspace,
  from: string,
  to: string,
  tools: Tools,
): Promise<SnapshotDifferences> {
  const catalog = workspace.catalog();
  const before = await catalog.find(from);
  const after = to === LIVE ? LIVE : await catalog.find(to, before.volume);
  const differences = await compareEntries(
    archiveEntries(before, tools),
    after === LIVE ? liveEntriesOf(before, workspace, tools) : archiveEntries(after, tools),
    isReservedPath,
  );
  return { before, after, differences };
}

async function* archiveEntries(snapshot: ArchiveInStore, tools: Tools): AsyncGenerator<TarEntry> {
  await using archive = await Archive.open(snapshot);
  using pass = new ArchivePass(archive, "Reading", tools);
  yield* pass.reader.entries();
}

async function* liveEntriesOf(
  { volume }: FoundSnapshot,
  workspace: Workspace,
  tools: Tools,
): AsyncGenerator<TarEntry> {
  if (volume === undefined) {
    throw new DockformError(
      "snapshot.no-volume-named",
      "a path does not say which volume to compare it with",
      {
        advice: [{ code: "compare-by-volume" }],
      },
    );
  }
  yield* liveEntries(await workspace.target(volume), tools);
}
