import { formatDuration } from "../format.ts";
import type { ReplacementReport, ReplacementSteps } from "../restore/request.ts";
import { reasonsOf } from "../restore/refusals.ts";
import { leftOutText } from "../restore/without.ts";
import { containerLine, containerToJson } from "./container-outcome.ts";
import type { DocumentOf } from "./documents/documents.ts";
import type { Session } from "./session.ts";

/** What was done to a volume, a line each. */
export function stepLines(
  { durations, keptPrevious }: ReplacementReport,
  checked: string,
): readonly string[] {
  const steps = [
    [checked, durations.checkMs],
    ["extracted", durations.extractMs],
    ["swapped", durations.swapMs],
    [keptPrevious ? "old contents kept" : "cleaned up", durations.removeOldMs],
  ] as const;
  return steps.map(([step, ms]) => `  ${step} in ${formatDuration(ms)}`);
}

/** What is not as it was: what was left out, and containers. */
export function outcomeLines({ leftOut, containers }: ReplacementReport): readonly string[] {
  return [...leftOut.map((group) => `  ${leftOutText(group)}`), ...containers.map(containerLine)];
}

/** What would be done to the volume. */
export function planLines(plan: ReplacementSteps, session: Session): readonly string[] {
  const { replacesContents, inPlace, stops, oldContents, keptBefore } = plan;
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
          `what it keeps since ${session.timeText(keptBefore.keptAt)} ${keptBefore.removed ? "is removed" : "stays"}`,
        ]),
  ];
}

/** What a replacement has in JSON, wherever the new contents come from. */
export function replacementToJson(
  report: ReplacementReport,
): Pick<
  DocumentOf<"volume copy">,
  "created_volume" | "kept_previous" | "plan" | "left_out" | "containers" | "durations"
> {
  return {
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

function planToJson(plan: ReplacementSteps): DocumentOf<"volume copy">["plan"] {
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
