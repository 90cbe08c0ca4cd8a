import { restoreNamed } from "../../app/restore-volume.ts";
import { formatBytes, formatCount, formatDuration } from "../../format.ts";
import type { RestoreReport } from "../../restore/request.ts";
import { undoCommand } from "../advice.ts";
import { throwIfDown } from "../container-outcome.ts";
import type { DocumentOf } from "../documents/documents.ts";
import { outcomeLines, planLines, replacementToJson, stepLines } from "../replacement-view.ts";
import type { Session } from "../session.ts";
import type { VolumeRestoreOptions } from "../spec/volume.ts";

export async function volumeRestore(
  session: Session,
  volume: string,
  snapshot: string,
  { store, healthTimeout, stripComponents, from, fromVolume, ...options }: VolumeRestoreOptions,
): Promise<void> {
  using workspace = await session.openWorkspace({ store });
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
  session.result<"volume restore">(toJson(report), toText(report, volume, session));
  if (report.plan.refusal !== undefined) throw report.plan.refusal;
  throwIfDown(report.containers, `volume "${report.volume}" was restored`);
}

function toText(report: RestoreReport, reference: string, session: Session): readonly string[] {
  const { context, volume, entries, tarBytes, durations, checkedBy } = report;
  const size = `${formatCount(entries, "entry", "entries")}, ${formatBytes(tarBytes)} as tar`;
  const check = checkedBy === "checksum" ? "checksum verified" : "archive read to its end";
  if (report.dryRun) {
    const can = report.plan.refusal === undefined ? "can" : "could";
    return [
      `Dry run: ${session.displayPath(report.archivePath)} (${size}; ${check}) ${can} be restored into ${context}/${volume}${report.createdVolume ? ", which would be created" : ""}. Nothing was changed.`,
      ...planLines(report.plan, session).map((line) => `  ${line}`),
    ];
  }
  return [
    `Restored ${context}/${volume}: ${size}, ${formatDuration(durations.totalMs)}`,
    `  from ${session.displayPath(report.archivePath)}`,
    ...stepLines(report, `${check}, all checks made`),
    ...(report.outsideEntries === 0
      ? []
      : [
          `  ${formatCount(report.outsideEntries, "entry", "entries")} of the archive left out: outside the folder`,
        ]),
    ...outcomeLines(report),
    ...(report.keptPrevious
      ? [
          "To go back:",
          `  ${session.call.onTheSame(undoCommand({ ...report, volume: reference }))}`,
        ]
      : []),
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
    ...replacementToJson(report),
  };
}
