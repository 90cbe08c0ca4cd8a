import { DockformError, messageOf } from "../../errors.ts";
import { formatBytes, formatCount, formatDuration } from "../../format.ts";
import { settleWithLimit } from "../../app/several.ts";
import { snapshotVolume, type SnapshotReport } from "../../capture/snapshot.ts";
import type { VolumeTarget } from "../../lock/target.ts";
import type { Session } from "../session.ts";
import type { VolumeSnapshotOptions } from "../spec/volume.ts";

/** Each snapshot's zstd uses all cores; a second one fills the pauses of the first. */
const SNAPSHOTS_AT_ONCE = 2;

export async function volumeSnapshot(
  session: Session,
  references: readonly string[],
  options: VolumeSnapshotOptions,
): Promise<void> {
  using workspace = await session.openWorkspace(options.output);
  const targets = withoutRepeats(
    await Promise.all([...references].map((reference) => workspace.target(reference))),
  );
  const { format, level, note, ifChanged } = options;
  const results = await settleWithLimit(targets, SNAPSHOTS_AT_ONCE, (target) =>
    snapshotVolume({ target, format, level, note, ifChanged }, session.tools),
  );
  const done = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failures = results.flatMap((result) =>
    result.status === "rejected" ? [result.reason as unknown] : [],
  );
  if (failures.length === 0 || done.length > 0) {
    session.result(
      { snapshots: done.map(toJson) },
      done.map((report) => toText(report, session)).join("\n"),
    );
  }
  throwFirst(session, failures, targets.length);
}

/** The same volume twice in one call is one snapshot. */
function withoutRepeats(targets: readonly VolumeTarget[]): readonly VolumeTarget[] {
  const byName = new Map(targets.map((target) => [`${target.context}/${target.volume}`, target]));
  return [...byName.values()];
}

function throwFirst(session: Session, failures: readonly unknown[], attempted: number): void {
  const [first, ...others] = failures;
  if (first === undefined) return;
  for (const failure of others) {
    if (failure !== first && failure instanceof DockformError) session.log.error(failure);
    else if (failure !== first) session.log.warn(messageOf(failure));
  }
  if (attempted > failures.length) {
    session.log.warn(`${failures.length} of ${attempted} snapshots failed`);
  }
  throw first;
}

function toText(report: SnapshotReport, session: Session): string {
  const { context, volume, archivePath, sidecar } = report;
  if (report.unchanged) {
    return [
      `Unchanged: ${context}/${volume} is still what its newest snapshot holds; that was recorded`,
      `  ${session.displayPath(archivePath)}`,
    ].join("\n");
  }
  const stored = formatBytes(sidecar.stored_bytes ?? 0);
  const read = formatBytes(sidecar.uncompressed_bytes);
  const time = formatDuration(sidecar.durations?.total_ms ?? 0);
  return [
    `Snapshot of ${context}/${volume}: ${formatCount(sidecar.file_count, "file")}, ${read} as tar, ${stored} stored, ${time}`,
    `  ${session.displayPath(archivePath)}`,
  ].join("\n");
}

function toJson(report: SnapshotReport): Readonly<Record<string, unknown>> {
  const { context, volume, archivePath, sidecarPath, sidecar, unchanged } = report;
  return { context, volume, archive: archivePath, sidecar_path: sidecarPath, unchanged, sidecar };
}
