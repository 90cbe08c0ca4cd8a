import { stopwatch } from "../stopwatch.ts";
import type { Tools } from "../tools.ts";
import { isActive } from "../workload/users.ts";
import { planReplacement, type PlannedReplacement, type WantedReplacement } from "./plan.ts";
import { prepareReplacements, type PreparedReplacement } from "./prepare.ts";
import { replaceTogether, type Replaced } from "./replace.ts";
import type { ReplacementOptions, ReplacementReport, ReplacementSteps } from "./request.ts";

/**
 * Replaces what one volume holds. Every refusal comes before the first side effect; until the swap the old contents
 * stay in place, and containers that were stopped are started again whatever happens.
 *
 * @throws DockformError `refused`, `usage`, `integrity` or `failed`, in the order of the checks.
 */
export async function replaceContents(
  wanted: WantedReplacement,
  options: ReplacementOptions,
  tools: Tools,
): Promise<ReplacementReport> {
  const clock = stopwatch();
  await using plan = await planReplacement([wanted], options, tools);
  if (options.dryRun) return reportOfPlan(theOne(plan.replacements));
  await using prepared = await prepareReplacements(plan, tools);
  const one = theOne(prepared.replacements);
  const replaced = await replaceTogether([one.replacement], options, tools);
  prepared.keepCreated();
  return reportOf(one, replaced, clock.total());
}

/** Of a set of one. */
function theOne<T>([one]: readonly T[]): T {
  if (one === undefined) throw new Error("nothing was to be replaced");
  return one;
}

const NOTHING_DONE = { extractMs: 0, swapMs: 0, watchMs: 0, removeOldMs: 0, totalMs: 0 };

/** What there is to tell before anything was replaced. */
function reportOfPlan(planned: PlannedReplacement): ReplacementReport {
  const { request, into, checkMs } = planned;
  const { target } = request;
  return {
    context: target.context,
    volume: target.volume,
    dryRun: true,
    createdVolume: "shape" in into,
    declared: target.declared,
    plan: stepsOf(planned),
    keptPrevious: false,
    leftOut: [],
    containers: [],
    durations: { ...NOTHING_DONE, checkMs },
  };
}

function stepsOf({ request, checked, into, refusal }: PlannedReplacement): ReplacementSteps {
  const { keepPrevious } = request;
  if ("shape" in into) return { ...NOTHING_REPLACED, refusal };
  const { files, users, way } = into;
  // Of some paths only these are replaced, and nothing is kept of them.
  const replacesContents = !files.empty;
  const isKept = keepPrevious && checked.paths === undefined;
  const { kept } = files;
  return {
    replacesContents,
    inPlace: way === "in_place",
    stops: users
      .map(({ container }) => container)
      .filter(isActive)
      .map(({ name }) => name),
    oldContents: !replacesContents ? "none" : isKept ? "kept" : "removed",
    keptBefore: kept && { keptAt: kept.kept_at, removed: keepPrevious },
    refusal,
  };
}

const NOTHING_REPLACED = {
  replacesContents: false,
  inPlace: false,
  stops: [],
  oldContents: "none",
  keptBefore: undefined,
} as const;

function reportOf(
  { planned, replacement, checkMs }: PreparedReplacement,
  { containers, kept, watchMs, removeOldMs }: Replaced,
  totalMs: number,
): ReplacementReport {
  const { leftOut, durations } = replacement;
  return {
    ...reportOfPlan(planned),
    dryRun: false,
    keptPrevious: kept.has(replacement),
    leftOut,
    containers,
    durations: { checkMs, ...durations, watchMs, removeOldMs, totalMs },
  };
}
