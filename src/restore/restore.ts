import { stopwatch } from "../stopwatch.ts";
import type { Tools } from "../tools.ts";
import { markingUnhealthy } from "./mark-unhealthy.ts";
import { isActive } from "../workload/users.ts";
import { planRestore, type PlannedRestore } from "./plan.ts";
import { prepareRestores, type PreparedRestore } from "./prepare.ts";
import { replaceTogether, type Replaced } from "./replace.ts";
import type { RestoreReport, RestoreRequest, RestoreSteps } from "./request.ts";

/**
 * Replaces a volume's contents by a snapshot's. Every refusal comes before the first side effect;
 * until the swap the old contents stay in place, and containers that were stopped are started again
 * whatever happens.
 *
 * @throws DockformError `refused`, `usage`, `integrity` or `failed`, in the order of the checks.
 */
export async function restoreVolume(request: RestoreRequest, tools: Tools): Promise<RestoreReport> {
  const clock = stopwatch();
  await using plan = await planRestore([request], request, tools);
  if (request.dryRun) return reportOfPlan(theOne(plan.restores));
  await using prepared = await prepareRestores(plan, tools);
  const replacements = prepared.restores.map(({ replacement }) => replacement);
  const { sidecar } = theOne(plan.restores).checked;
  const replaced = await markingUnhealthy(request, sidecar !== undefined, tools, () =>
    replaceTogether(replacements, request, tools),
  );
  prepared.keepCreated();
  return reportOf(theOne(prepared.restores), replaced, clock.total());
}

/** Of a set of one. */
function theOne<T>([one]: readonly T[]): T {
  if (one === undefined) throw new Error("nothing was to be restored");
  return one;
}

const NOTHING_DONE = { extractMs: 0, swapMs: 0, watchMs: 0, removeOldMs: 0, totalMs: 0 };

/** What there is to tell before anything was replaced. */
function reportOfPlan(planned: PlannedRestore): RestoreReport {
  const { request, checked, into, checkMs } = planned;
  const { target, archivePath } = request;
  const { contents, sidecar, outsideEntries } = checked;
  return {
    context: target.context,
    volume: target.volume,
    archivePath,
    dryRun: true,
    tarBytes: contents.tarBytes,
    entries: contents.entries,
    outsideEntries,
    checkedBy: sidecar === undefined ? "reading" : "checksum",
    createdVolume: "shape" in into,
    declared: target.declared,
    plan: stepsOf(planned),
    keptPrevious: false,
    leftOut: [],
    containers: [],
    durations: { ...NOTHING_DONE, checkMs },
  };
}

function stepsOf({ request, checked, into, refusal }: PlannedRestore): RestoreSteps {
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
  { planned, replacement, checkMs }: PreparedRestore,
  { containers, kept, watchMs, removeOldMs }: Replaced,
  totalMs: number,
): RestoreReport {
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
