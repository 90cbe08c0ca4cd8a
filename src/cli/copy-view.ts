import type { CopyReport } from "../copy/copy.ts";
import { formatBytes, formatCount, formatDuration } from "../format.ts";
import { undoCommand } from "./advice.ts";
import type { DocumentOf } from "./documents/documents.ts";
import { outcomeLines, planLines, replacementToJson, stepLines } from "./replacement-view.ts";
import type { Session } from "./session.ts";

/**
 * What a copy of a volume was, a line each.
 *
 * @param reference the target as it was typed, for the way back.
 */
export function copyToText(
  report: CopyReport,
  reference: string,
  done: "Copied" | "Moved",
  session: Session,
): readonly string[] {
  const { context, volume, source, read, durations, createdVolume, plan } = report;
  const [from, to] = [`${source.context}/${source.volume}`, `${context}/${volume}`];
  if (report.dryRun || read === undefined) {
    const can = plan.refusal === undefined ? "can" : "could";
    return [
      `Dry run: ${from} ${can} be ${done.toLowerCase()} to ${to}${createdVolume ? ", which would be created" : ""}. Nothing was changed.`,
      ...planLines(plan, session).map((line) => `  ${line}`),
    ];
  }
  const size = `${formatCount(read.entries, "entry", "entries")}, ${formatBytes(read.tarBytes)} as tar`;
  return [
    `${done} ${from} to ${to}: ${size}, ${formatDuration(durations.totalMs)}`,
    ...stepLines(report, "all checks made"),
    ...outcomeLines(report),
    ...(report.keptPrevious
      ? [
          "To go back:",
          `  ${session.call.onTheSame(undoCommand({ ...report, volume: reference }))}`,
        ]
      : []),
  ];
}

export function copyToJson(
  report: CopyReport,
  { removesSource }: { readonly removesSource: boolean },
): DocumentOf<"volume copy"> {
  return {
    context: report.context,
    volume: report.volume,
    source: report.source,
    dry_run: report.dryRun,
    uncompressed_bytes: report.read?.tarBytes ?? null,
    entry_count: report.read?.entries ?? null,
    shortcomings: [...(report.read?.shortcomings ?? [])],
    removed_source: removesSource,
    ...replacementToJson(report),
  };
}
