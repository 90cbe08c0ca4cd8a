import { DockformError } from "../errors.ts";
import type { Manifest } from "../manifest/manifest.ts";
import {
  planPrune,
  type PruneAllowances,
  type PruneCandidate,
  type PruneVerdict,
} from "../snapshot/prune.ts";
import { assuranceOf } from "../snapshot/assurance.ts";
import { isEmptyPolicy, type RetentionPolicy } from "../snapshot/retention.ts";
import { isSafety } from "../snapshot/sidecar.ts";
import { otherVolume } from "../store/newest.ts";
import {
  volumeTitle,
  type DescribedSnapshot,
  type Store,
  type StoredVolume,
  type VolumeSnapshots,
} from "../store/store.ts";
import type { Tools } from "../tools.ts";
import { removeSnapshots, type UnremovedSnapshot } from "./remove-snapshots.ts";
import type { Workspace } from "./workspace.ts";

type Candidate = PruneCandidate & { readonly described: DescribedSnapshot };

/** Which of a volume's snapshots go, and why the others stay. */
export interface VolumePruning extends StoredVolume {
  readonly title: string;
  /** `undefined` where nobody says what to keep: then all is kept. */
  readonly verdicts: readonly PruneVerdict<Candidate>[] | undefined;
}

export interface PruneRequest {
  /** `[context/]volume`; `undefined` for all volumes of the store. */
  readonly volume: string | undefined;
  /** The whole policy, which adds nothing to the manifest's; `undefined` where the manifest's counts. */
  readonly policy: RetentionPolicy | undefined;
  readonly allowed: PruneAllowances;
}

/**
 * Says which snapshots go; removes none. Volumes without snapshots are left out.
 *
 * @throws DockformError `store.empty` when there are no snapshots, `prune.no-rules` when there are snapshots, and no policy for any.
 */
export async function planPruning(
  workspace: Workspace,
  { volume, policy, allowed }: PruneRequest,
  now: Date,
): Promise<readonly VolumePruning[]> {
  const catalog = workspace.catalog();
  const listed = await catalog.volumes(volume);
  const rulesFor = (each: VolumeSnapshots): RetentionPolicy | undefined =>
    policy ?? policyOfManifest(workspace.file?.manifest, each);
  const plans = await planVolumes(catalog.store, listed, { rulesFor, allowed, now });
  if (plans.length === 0) throw catalog.empty();
  requireAnyPolicy(plans);
  return plans;
}

/** The same for all volumes of the store by the manifest's rules alone; where it has none, all are kept. */
export async function planByManifest(
  workspace: Workspace,
  now: Date,
): Promise<readonly VolumePruning[]> {
  const listed = await workspace.store.list();
  const rulesFor = (each: VolumeSnapshots): RetentionPolicy | undefined =>
    policyOfManifest(workspace.file?.manifest, each);
  const allowed = { lastOne: false, lastVerified: false };
  return planVolumes(workspace.store, listed, { rulesFor, allowed, now });
}

interface PruningRules {
  readonly rulesFor: (listed: VolumeSnapshots) => RetentionPolicy | undefined;
  readonly allowed: PruneAllowances;
  readonly now: Date;
}

async function planVolumes(
  store: Store,
  listed: readonly VolumeSnapshots[],
  { rulesFor, allowed, now }: PruningRules,
): Promise<readonly VolumePruning[]> {
  const plans: VolumePruning[] = [];
  for (const each of listed) {
    if (each.snapshots.length === 0) continue;
    plans.push(await planVolume(store, each, rulesFor(each), allowed, now));
  }
  return plans;
}

/** The snapshots that a plan removes, the newest first. */
export function leaving({ verdicts }: VolumePruning): readonly DescribedSnapshot[] {
  const going = (verdicts ?? []).filter(({ keptBy }) => keptBy.length === 0);
  return going.map(({ snapshot }) => snapshot.described);
}

/**
 * Removes what leaves, and returns what could not be removed. The oldest first: whenever this is cut short, the newest
 * are there.
 */
export async function removeLeaving(
  { store }: Workspace,
  plans: readonly VolumePruning[],
  { signal }: Tools,
): Promise<readonly UnremovedSnapshot[]> {
  const going = plans.flatMap((plan) => leaving(plan).toReversed());
  return await removeSnapshots(
    going.map((snapshot) => ({ ...snapshot, store })),
    signal,
  );
}

/** Of several contexts that declare such a volume none is taken, unless the store tells them apart. */
export function policyOfManifest(
  manifest: Manifest | undefined,
  { context, volume }: VolumeSnapshots,
): RetentionPolicy | undefined {
  const declaring = (manifest?.contexts ?? []).filter(
    ({ name, volumes }) =>
      volumes.has(volume) && (name === undefined || context === undefined || name === context),
  );
  const [only, ...others] = declaring;
  const keep = others.length === 0 ? only?.volumes.get(volume)?.snapshot?.keep : undefined;
  return keep === undefined || isEmptyPolicy(keep) ? undefined : keep;
}

async function planVolume(
  store: Store,
  listed: VolumeSnapshots,
  policy: RetentionPolicy | undefined,
  allowed: PruneAllowances,
  now: Date,
): Promise<VolumePruning> {
  const { context, volume } = listed;
  const title = volumeTitle(listed);
  if (policy === undefined) return { context, volume, title, verdicts: undefined };
  const all = await Promise.all(listed.snapshots.map((each) => store.describe(each)));
  const candidates = all.map((described) => ({
    time: described.time,
    note: described.sidecar?.notes,
    isVerified: assuranceOf(described.sidecar, described.problem).verifiedAt !== undefined,
    problem: described.problem,
    isSafety: described.sidecar !== undefined && isSafety(described.sidecar),
    otherVolume: otherVolume(described.sidecar, listed.volume),
    described,
  }));
  return { context, volume, title, verdicts: planPrune(candidates, policy, allowed, now) };
}

function requireAnyPolicy(plans: readonly VolumePruning[]): void {
  if (plans.some(({ verdicts }) => verdicts !== undefined)) return;
  throw new DockformError("prune.no-rules", "nothing says which snapshots to keep", {
    advice: [{ code: "choose-retention" }],
  });
}
