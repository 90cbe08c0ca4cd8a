import { restoreNamed } from "../../app/restore-volume.ts";
import { formatBytes, formatCount, formatDuration } from "../../format.ts";
import type { RestoreReport } from "../../restore/request.ts";
import { leftOutText } from "../../restore/without.ts";
import { containerLine, containerToJson, throwIfDown } from "../container-outcome.ts";
import type { DocumentOf } from "../documents/documents.ts";
import type { Session } from "../session.ts";
import type { VolumeRestoreOptions } from "../spec/volume.ts";

export async function volumeRestore(
  session: Session,
  volume: string,
  snapshot: string,
  { healthTimeout, stripComponents, from, fromVolume, ...options }: VolumeRestoreOptions,
): Promise<void> {
  using workspace = await session.openWorkspace();
  const order = {
    ...options,
    volume,
    snapshot,
    stripComponents,
    from,
    fromVolume,
    healthTimeoutMs: healthTimeout,
  };
  const report = await restoreNamed(workspace, order, session.tools);
  session.result<"volume restore">(toJson(report), toText(report, session));
  throwIfDown(report.containers, `volume "${report.volume}" was restored`);
}

function toText(report: RestoreReport, session: Session): readonly string[] {
  const { context, volume, entries, tarBytes, durations, checkedBy } = report;
  const size = `${formatCount(entries, "entry", "entries")}, ${formatBytes(tarBytes)} as tar`;
  const check = checkedBy === "checksum" ? "checksum verified" : "archive read to its end";
  if (report.dryRun) {
    return [
      `Dry run: ${session.displayPath(report.archivePath)} (${size}; ${check}) can be restored into ${context}/${volume}${report.createdVolume ? ", which would be created" : ""}. Nothing was changed.`,
    ];
  }
  const steps = [
    [`${check}, all checks made`, durations.checkMs],
    ["extracted", durations.extractMs],
    ["swapped", durations.swapMs],
    [report.keptPrevious ? "old contents kept" : "cleaned up", durations.removeOldMs],
  ] as const;
  return [
    `Restored ${context}/${volume}: ${size}, ${formatDuration(durations.totalMs)}`,
    `  from ${session.displayPath(report.archivePath)}`,
    ...steps.map(([step, ms]) => `  ${step} in ${formatDuration(ms)}`),
    ...(report.outsideEntries === 0
      ? []
      : [
          `  ${formatCount(report.outsideEntries, "entry", "entries")} of the archive left out: outside the folder`,
        ]),
    ...report.leftOut.map((group) => `  ${leftOutText(group)}`),
    ...report.containers.map(containerLine),
    ...(report.keptPrevious ? [`To go back: dockform volume undo ${volume}`] : []),
  ];
}

function toJson(report: RestoreReport): DocumentOf<"volume restore"> {
  return {
    context: report.context,
    volume: report.volume,
    archive: report.archivePath,
    dry_run: report.dryRun,
    uncompressed_bytes: report.tarBytes,
    entry_count: report.entries,
    checked_by: report.checkedBy,
    outside_entries: report.outsideEntries,
    created_volume: report.createdVolume,
    kept_previous: report.keptPrevious,
    left_out: report.leftOut.map(({ aspect, attribute, what, count, files }) => ({
      aspect,
      ...(attribute === undefined ? {} : { attribute }),
      what,
      count,
      files,
    })),
    containers: report.containers.map(containerToJson),
    durations: {
      check_ms: report.durations.checkMs,
      extract_ms: report.durations.extractMs,
      swap_ms: report.durations.swapMs,
      watch_ms: report.durations.watchMs,
      remove_old_ms: report.durations.removeOldMs,
      total_ms: report.durations.totalMs,
    },
  };
}
