import { DockformError, messageOf } from "../errors.ts";
import { formatTime } from "../format.ts";
import type { ArchiveInStore } from "../store/store.ts";
import type { Tools } from "../tools.ts";

/** Whether an error says that a snapshot's data is not what it was, or cannot have been a whole archive. */
function isDamage(error: unknown): error is DockformError {
  return (
    error instanceof DockformError &&
    error.kind === "integrity" &&
    error.code.startsWith("archive.")
  );
}

/**
 * Does something with a snapshot; where that finds its data damaged, its sidecar says when from then on, and no longer
 * that it was verified or proven.
 *
 * @throws what `use` throws. That it cannot be recorded is a warning.
 */
export async function recordingDamage<Result>(
  snapshot: ArchiveInStore,
  tools: Tools,
  use: () => Promise<Result>,
): Promise<Result> {
  try {
    return await use();
  } catch (error) {
    if (isDamage(error)) await record(snapshot, tools);
    throw error;
  }
}

async function record({ store, archivePath }: ArchiveInStore, { now, log }: Tools): Promise<void> {
  try {
    await using archive = await store.open(archivePath);
    if ((await archive.sidecar()) === undefined) return;
    await store.amend(archivePath, {
      damaged_at: formatTime(now()),
      verified_at: undefined,
      proven_at: undefined,
      proven_by: undefined,
    });
  } catch (failure) {
    log.warn(`cannot record that ${archivePath} is damaged: ${messageOf(failure)}`);
  }
}
