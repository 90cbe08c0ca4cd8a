import { listSurely } from "../workload/list-surely.ts";
import { removeVolume } from "../engine/volumes.ts";
import { removeHelper } from "../helper/session.ts";
import { operationInTheWay, readJournal, type Journal } from "../journal/operation.ts";
import { AtWorkError, refuseInterrupted } from "./refusals.ts";
import type { VolumeTarget } from "./target.ts";

/**
 * Refuses when an operation works on the volume, or was cut short on it.
 *
 * @throws DockformError `refused`.
 */
export function refuseOperations(journal: Journal): void {
  const inTheWay = operationInTheWay(journal, "restore");
  if (inTheWay !== undefined) throw new AtWorkError(inTheWay);
  refuseInterrupted(journal);
}

/** Removes a volume with all it holds, and what the engine still knows of operations on it. */
export async function removeVolumeForGood(
  { engine, volume }: VolumeTarget,
  signal: AbortSignal,
): Promise<void> {
  const journal = readJournal(await listSurely(engine, signal), volume);
  refuseOperations(journal);
  for (const { containerId } of [...journal.operations, ...journal.records]) {
    await removeHelper(engine, containerId);
  }
  await removeVolume(engine, volume, signal);
}
