import { refuseNeeded } from "../../app/needed-snapshots.ts";
import {
  removeSnapshots,
  snapshotsToRemove,
  volumesLeftWithout,
  type RemovableSnapshot,
} from "../../app/remove-snapshots.ts";
import { formatAge, formatBytes, formatCount } from "../../format.ts";
import type { VolumeSnapshots } from "../../store/store.ts";
import { failedSnapshot, throwFailures } from "../failures.ts";
import type { Session } from "../session.ts";
import type { SnapshotRemoveOptions } from "../spec/snapshot.ts";

export async function snapshotRemove(
  session: Session,
  references: readonly string[],
  options: SnapshotRemoveOptions,
): Promise<void> {
  using workspace = await session.openWorkspace(options);
  const catalog = workspace.catalog();
  const snapshots = await snapshotsToRemove(catalog, references);
  await refuseNeeded(workspace, snapshots, session.tools);
  await confirm(session, snapshots, await catalog.volumes(), options);
  const failures = await removeSnapshots(snapshots, session.tools.signal);
  const kept = new Set(failures.map(({ archivePath }) => archivePath));
  const removed = snapshots.filter(({ archivePath }) => !kept.has(archivePath));
  const bytes = removed.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  if (failures.length === 0 || snapshots.length > 1) {
    session.result<"snapshot remove">(
      {
        removed: removed.map(({ archivePath }) => archivePath),
        failures: failures.map((failure) => failedSnapshot(failure, session)),
      },
      [`Removed ${formatCount(removed.length, "snapshot")}, ${formatBytes(bytes)}.`],
    );
  }
  throwFailures(failures, session);
}

async function confirm(
  session: Session,
  snapshots: readonly RemovableSnapshot[],
  volumes: readonly VolumeSnapshots[],
  { skipConfirmation }: SnapshotRemoveOptions,
): Promise<void> {
  const { io, log } = session;
  const say = (line: string): void => (skipConfirmation ? log.info(line) : log.notice(line));
  say(`${snapshots.length === 1 ? "This snapshot is" : "These snapshots are"} removed for good:`);
  for (const { archivePath, time, storedBytes, sidecar } of snapshots) {
    const note = sidecar?.notes ? `, "${sidecar.notes}"` : "";
    const age = formatAge(io.now().getTime() - time.getTime());
    say(`  - ${session.displayPath(archivePath)}: ${age} old, ${formatBytes(storedBytes)}${note}`);
  }
  for (const { volume } of volumesLeftWithout(snapshots, volumes)) {
    log.warn(`volume ${volume} will then have no snapshot`);
  }
  if (!skipConfirmation) await session.confirm("Type yes to remove:", "yes");
}
