import type { SnapshotReport } from "../capture/snapshot.ts";
import { formatCount } from "../format.ts";
import type { Log } from "../log.ts";

/** Says in one line what was not said again. */
export function tellRepeated(reports: readonly SnapshotReport[], log: Pick<Log, "info">): void {
  const count = reports.reduce((sum, { repeatedWarnings }) => sum + repeatedWarnings, 0);
  if (count === 0) return;
  log.info(
    `${formatCount(count, "warning")} for the same reasons as at the snapshot before; --verbose shows ${count === 1 ? "it" : "them"}`,
  );
}
