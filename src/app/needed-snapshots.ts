import { listSurely } from "../workload/list-surely.ts";
import { DockformError, messageOf } from "../errors.ts";
import {
  describeOperation,
  interruptionIn,
  operationInTheWay,
  readJournal,
  type Journal,
} from "../journal/operation.ts";
import { isSafety } from "../snapshot/sidecar.ts";
import type { Tools } from "../tools.ts";
import type { RemovableSnapshot } from "./remove-snapshots.ts";
import { snapshotTarget } from "./snapshot-target.ts";
import type { Workspace } from "./workspace.ts";

/**
 * What a restore in place saved may be the only copy of a volume's old contents, as long as that restore has not come
 * to its end. Of an engine that cannot be asked it is warned.
 *
 * @throws DockformError `refused` where the engine knows of such a restore.
 */
export async function refuseNeeded(
  workspace: Workspace,
  snapshots: readonly RemovableSnapshot[],
  tools: Tools,
): Promise<void> {
  for (const snapshot of snapshots) {
    const { sidecar, archivePath } = snapshot;
    if (sidecar === undefined || !isSafety(sidecar)) continue;
    const journal = await journalOf(workspace, snapshot, tools).catch((error: unknown) => {
      tools.signal.throwIfAborted();
      tools.log.warn(
        `cannot tell whether a restore still needs ${archivePath}: ${messageOf(error)}`,
      );
      return undefined;
    });
    const why = journal && unfinished(journal);
    if (why !== undefined) throw stillNeeded(snapshot, sidecar.volume_name, why);
  }
}

async function journalOf(
  workspace: Workspace,
  snapshot: RemovableSnapshot,
  { signal }: Tools,
): Promise<Journal> {
  const { engine, volume } = await snapshotTarget(workspace, snapshot);
  return readJournal(await listSurely(engine, signal), volume);
}

/** What has not come to its end, in words. */
function unfinished(journal: Journal): string | undefined {
  const atWork = operationInTheWay(journal, "snapshot");
  if (atWork !== undefined) return `${describeOperation(atWork.operation)}, is working on it`;
  const found = interruptionIn(journal);
  if (found === undefined) return undefined;
  return "operation" in found
    ? `${describeOperation(found.operation)}, was interrupted`
    : "an operation on it was interrupted";
}

function stillNeeded(
  { archivePath }: RemovableSnapshot,
  volume: string,
  why: string,
): DockformError {
  return new DockformError(
    "snapshot.still-needed",
    `${archivePath} may be the only copy of what volume "${volume}" held: ${why}`,
    {
      hint: "No snapshot was removed.",
      advice: [{ code: "recover", volume, when: "interrupted" }],
      data: { volume, archive: archivePath },
    },
  );
}
