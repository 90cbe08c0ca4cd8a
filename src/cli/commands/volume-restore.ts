import { restoreNamed } from "../../app/restore-volume.ts";
import { formatBytes, formatCount, formatDuration } from "../../format.ts";
import type { RestoreReport, ReplacementSteps } from "../../restore/request.ts";
import { leftOutText } from "../../restore/without.ts";
import { reasonsOf } from "../../restore/refusals.ts";
import { undoCommand } from "../advice.ts";
import { containerLine, containerToJson, throwIfDown } from "../container-outcome.ts";
import type { DocumentOf } from "../documents/documents.ts";
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
      ...planLines(report.plan).map((line) => `  ${line}`),
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
    ...(report.keptPrevious
      ? [session.call.onTheSame(`To go back: ${undoCommand({ ...report, volume: reference })}`)]
      : []),
  ];
}

/** What would be done to the volume. */
function planLines({
  replacesContents,
  inPlace,
  stops,
  oldContents,
  keptBefore,
}: ReplacementSteps): readonly string[] {
  const becomes =
    oldContents === "kept"
      ? "kept for `dockform volume undo`"
      : "removed once the new ones are in place";
  return [
    ...(replacesContents
      ? [
          `what the volume holds is replaced, and ${inPlace ? "removed first, after a snapshot of it" : becomes}`,
        ]
      : []),
    ...(stops.length === 0
      ? []
      : [`stopped for the swap, then started again: ${stops.join(", ")}`]),
    ...(keptBefore === undefined
      ? []
      : [
          `what it keeps since ${keptBefore.keptAt} ${keptBefore.removed ? "is removed" : "stays"}`,
        ]),
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
    plan: planToJson(report.plan),
    left_out: report.leftOut.map(({ aspect, attribute, what, count, files }) => ({
      aspect,
      attribute: attribute ?? null,
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

function planToJson(plan: ReplacementSteps): DocumentOf<"volume restore">["plan"] {
  const { keptBefore, refusal } = plan;
  return {
    replaces_contents: plan.replacesContents,
    in_place: plan.inPlace,
    stops: [...plan.stops],
    old_contents: plan.oldContents,
    kept_before:
      keptBefore === undefined ? null : { kept_at: keptBefore.keptAt, removed: keptBefore.removed },
    refusals:
      refusal === undefined
        ? []
        : reasonsOf(refusal).map(({ code, message }) => ({ code, message })),
  };
}
