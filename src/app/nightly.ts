import { DockformError } from "../errors.ts";
import type { SnapshotReport } from "../capture/snapshot.ts";
import type { VolumeTarget } from "../lock/target.ts";
import { DEFAULT_LEVEL } from "../snapshot/name.ts";
import type { DescribedSnapshot, StoredVolume } from "../store/store.ts";
import type { Tools } from "../tools.ts";
import { declaredFreshness, type DeclaredFreshness } from "./freshness.ts";
import { leaving, planByManifest, removeLeaving, type VolumePruning } from "./prune.ts";
import type { UnremovedSnapshot } from "./remove-snapshots.ts";
import { snapshotVolumes, type SnapshotOutcomes } from "./snapshot-volumes.ts";
import { targetIn, type Workspace } from "./workspace.ts";

export interface NightlyRequest {
  /** Says what would be done, and does nothing. */
  readonly dryRun: boolean;
}

/** What was done in a night, and how the declared volumes stand after it. */
export interface Night {
  /** One for each declared volume, in the manifest's order. */
  readonly snapshots: readonly NightlySnapshot[];
  readonly pruning: readonly NightlyPruning[];
  readonly freshness: readonly DeclaredFreshness[];
}

/** What became of a volume, whose snapshots stood so before. */
export type NightlySnapshot = { readonly before: DeclaredFreshness } & (
  | { readonly outcome: "written" | "unchanged"; readonly report: SnapshotReport }
  | { readonly outcome: "failed"; readonly error: unknown }
  /** In a dry run. */
  | { readonly outcome: "due" }
  /** The newest one is fresh, and still will be in the next night. */
  | { readonly outcome: "not due" }
  /** The manifest says that it needs none. */
  | { readonly outcome: "not wanted" }
);

export const NIGHTLY_OUTCOMES = [
  "written",
  "unchanged",
  "failed",
  "due",
  "not due",
  "not wanted",
] as const satisfies readonly NightlySnapshot["outcome"][];

/**
 * Why a volume keeps all its snapshots, whatever the rules say.
 *
 * - `failed`: tonight's snapshot did, and the older ones may be all there is.
 * - `future`: the newest one seems to be from a time to come, or is later than tonight's. By such a clock tonight's would
 *   be an old one.
 */
export type HeldBack = (typeof HELD_BACK)[number];

export const HELD_BACK = ["failed", "future"] as const;

/** What became of a volume's older snapshots. */
export interface NightlyPruning extends VolumePruning {
  /** Whether the manifest says which to keep; all are kept otherwise. */
  readonly hasRules: boolean;
  /** Why none of them was looked at; `undefined` where they were. */
  readonly heldBack: HeldBack | undefined;
  /** What leaves and is still there. */
  readonly failures: readonly UnremovedSnapshot[];
}

/** Until the next night, and an hour for timers that wait a little. */
const UNTIL_NEXT_NIGHT_MS = 25 * 3_600_000;

/**
 * What is to be done every night: takes the snapshots that are due, where anything changed, then removes what the
 * manifest's rules do not keep, then looks how all volumes stand. What fails on one volume stops nothing on the others,
 * and keeps its older snapshots.
 *
 * @throws DockformError `manifest` without a manifest, or volumes in it; nothing was done then.
 */
export async function nightly(
  workspace: Workspace,
  { dryRun }: NightlyRequest,
  tools: Tools,
): Promise<Night> {
  const before = await declaredVolumes(workspace, tools);
  await hushWhatWasTold(workspace, before);
  const snapshots = dryRun ? before.map(planned) : await snapshotDue(workspace, before, tools);
  const plans = await pruningAfter(workspace, snapshots, tools);
  const pruning = dryRun ? plans : await prune(workspace, plans, tools);
  return { snapshots, pruning, freshness: await declaredFreshness(workspace, tools.now()) };
}

/** Whether a snapshot is to be taken tonight, so that the newest one is not too old before the next night. */
export function isDue({ state, every, ageMs = 0 }: DeclaredFreshness): boolean {
  if (state === "excluded") return false;
  if (state !== "fresh" || every === undefined || every === "never") return true;
  return ageMs + UNTIL_NEXT_NIGHT_MS > every.milliseconds;
}

async function declaredVolumes(
  workspace: Workspace,
  { now }: Tools,
): Promise<readonly DeclaredFreshness[]> {
  workspace.requireManifest();
  const declared = await declaredFreshness(workspace, now());
  if (declared.length > 0) return declared;
  throw new DockformError("manifest.no-volumes", "no volume is declared: nothing was done", {
    hint: "Run it in the folder of the manifest, and declare the volumes in it.",
  });
}

/** That helpers have privileges is told with the first snapshot that is taken by such. */
async function hushWhatWasTold(
  workspace: Workspace,
  volumes: readonly DeclaredFreshness[],
): Promise<void> {
  const { helperCapabilities = [] } = workspace.file?.manifest ?? {};
  if (helperCapabilities.length === 0) return;
  const { store } = workspace;
  const newest = volumes.flatMap((volume) => volume.newest ?? []);
  const described = await Promise.all(newest.map((snapshot) => store.describe(snapshot)));
  const isTold = described.some(
    ({ sidecar }) => sidecar?.helper_capabilities?.join() === helperCapabilities.join(),
  );
  if (isTold) workspace.hushCapabilities();
}

function planned(before: DeclaredFreshness): NightlySnapshot {
  if (isDue(before)) return { before, outcome: "due" };
  return { before, outcome: before.state === "excluded" ? "not wanted" : "not due" };
}

async function snapshotDue(
  workspace: Workspace,
  declared: readonly DeclaredFreshness[],
  tools: Tools,
): Promise<readonly NightlySnapshot[]> {
  const targets = await targetsOf(workspace, declared.filter(isDue));
  const request = {
    format: "tar.zst",
    level: DEFAULT_LEVEL,
    note: undefined,
    ifChanged: true,
  } as const;
  const outcomes = await snapshotVolumes(targets, request, tools);
  // Half a night is none: nothing is removed.
  tools.signal.throwIfAborted();
  return declared.map((before) => outcomeOf(before, outcomes) ?? planned(before));
}

async function targetsOf(
  workspace: Workspace,
  volumes: readonly DeclaredFreshness[],
): Promise<readonly VolumeTarget[]> {
  const contexts = await workspace.contexts();
  return contexts.flatMap((context) =>
    volumes
      .filter((each) => each.context === context.name)
      .map(({ volume }) => targetIn(context, volume)),
  );
}

function outcomeOf(
  before: DeclaredFreshness,
  { reports, failures }: SnapshotOutcomes,
): NightlySnapshot | undefined {
  const report = reports.find((each) => isSame(each, before));
  if (report !== undefined) {
    return { before, outcome: report.unchanged ? "unchanged" : "written", report };
  }
  const failure = failures.find((each) => isSame(each, before));
  return failure && { before, outcome: "failed", error: failure.error };
}

async function pruningAfter(
  workspace: Workspace,
  snapshots: readonly NightlySnapshot[],
  { now }: Tools,
): Promise<readonly NightlyPruning[]> {
  const plans = await planByManifest(workspace, now());
  return plans.flatMap((plan): readonly NightlyPruning[] => {
    const own = snapshots.filter(({ before }) => isStoredAs(plan, before));
    if (own.length === 0) return [];
    const heldBack = own.map(whyHeldBack).find((why) => why !== undefined);
    const verdicts = heldBack === undefined ? plan.verdicts : undefined;
    const hasRules = plan.verdicts !== undefined;
    return [{ ...plan, verdicts, hasRules, heldBack, failures: [] }];
  });
}

function whyHeldBack(snapshot: NightlySnapshot): HeldBack | undefined {
  if (snapshot.outcome === "failed") return "failed";
  return snapshot.before.state === "future" || isWrittenBehind(snapshot) ? "future" : undefined;
}

/** By a clock that was set back a little, no more than clocks may differ by, tonight's is an old one, too. */
function isWrittenBehind(snapshot: NightlySnapshot): boolean {
  if (snapshot.outcome !== "written") return false;
  const { newest } = snapshot.before;
  return newest !== undefined && new Date(snapshot.report.sidecar.created_at) < newest.time;
}

/** A store of one context does not say which. */
function isStoredAs(stored: StoredVolume, { context, volume }: DeclaredFreshness): boolean {
  return stored.volume === volume && (stored.context ?? context) === context;
}

async function prune(
  workspace: Workspace,
  plans: readonly NightlyPruning[],
  tools: Tools,
): Promise<readonly NightlyPruning[]> {
  const done: NightlyPruning[] = [];
  for (const plan of plans) {
    if (leaving(plan).length === 0) done.push(plan);
    else done.push({ ...plan, failures: await removeLeaving(workspace, [plan], tools) });
    tools.signal.throwIfAborted();
  }
  return done;
}

/** What has left, the newest first; in a dry run what would. */
export function removedBy(pruning: NightlyPruning): readonly DescribedSnapshot[] {
  const left = new Set(pruning.failures.map(({ archivePath }) => archivePath));
  return leaving(pruning).filter(({ archivePath }) => !left.has(archivePath));
}

function isSame(
  a: { readonly context: string; readonly volume: string },
  b: { readonly context: string; readonly volume: string },
): boolean {
  return a.context === b.context && a.volume === b.volume;
}
