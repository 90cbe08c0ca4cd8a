import { DockformError } from "../../errors.ts";
import { formatBytes, formatCount, formatTime } from "../../format.ts";
import type { Manifest } from "../../manifest/manifest.ts";
import { planPrune, type PruneCandidate, type PruneVerdict } from "../../snapshot/prune.ts";
import { isEmptyPolicy, type RetentionPolicy } from "../../snapshot/retention.ts";
import { otherVolume } from "../../store/newest.ts";
import {
  volumeTitle,
  type DescribedSnapshot,
  type Store,
  type VolumeSnapshots,
} from "../../store/store.ts";
import { table } from "../output/terminal.ts";
import type { Session } from "../session.ts";
import type { SnapshotPruneOptions } from "../spec/snapshot.ts";

type Candidate = PruneCandidate & { readonly described: DescribedSnapshot };

interface VolumePlan {
  readonly title: string;
  /** `undefined` where nobody says what to keep: then all is kept. */
  readonly verdicts: readonly PruneVerdict<Candidate>[] | undefined;
}

export async function snapshotPrune(
  session: Session,
  reference: string | undefined,
  options: SnapshotPruneOptions,
): Promise<void> {
  using workspace = await session.openWorkspace(options.store);
  const catalog = workspace.catalog();
  const { store } = catalog;
  const flags = policyOfFlags(options);
  const volumes =
    reference === undefined ? await catalog.volumes() : [await catalog.volume(reference)];
  const manifest = workspace.file?.manifest;
  const plans: VolumePlan[] = [];
  for (const volume of volumes.filter((each) => each.snapshots.length > 0)) {
    const policy = flags ?? policyOfManifest(manifest, volume);
    plans.push(await planVolume(store, volume, policy, options, session));
  }
  requireAnyPolicy(plans);
  if (options.delete) await removeAll(store, plans, session);
  session.result(toJson(plans, options.delete), toText(plans, options.delete, session));
}

/** What is given on the command line is the whole policy: it adds nothing to the manifest's. */
function policyOfFlags(options: SnapshotPruneOptions): RetentionPolicy | undefined {
  const rules = {
    last: options.keepLast,
    hourly: options.keepHourly,
    daily: options.keepDaily,
    weekly: options.keepWeekly,
    monthly: options.keepMonthly,
    yearly: options.keepYearly,
    within: options.keepWithin,
    note: options.keepNote,
  };
  const given = Object.entries(rules).filter(([, rule]) => rule !== undefined);
  const policy: RetentionPolicy = Object.fromEntries(given);
  return isEmptyPolicy(policy) ? undefined : policy;
}

/** Of several contexts that declare such a volume none is taken, unless the store tells them apart. */
function policyOfManifest(
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
  { evenLast, evenLastVerified }: SnapshotPruneOptions,
  session: Session,
): Promise<VolumePlan> {
  if (policy === undefined) return { title: volumeTitle(listed), verdicts: undefined };
  const all = await Promise.all(listed.snapshots.map((each) => store.describe(each)));
  const candidates = all.map((described) => ({
    time: described.time,
    note: described.sidecar?.notes,
    isVerified: described.sidecar?.verified_at !== undefined,
    problem: described.problem,
    otherVolume: otherVolume(described.sidecar, listed.volume),
    described,
  }));
  const allowed = { lastOne: evenLast, lastVerified: evenLastVerified };
  const verdicts = planPrune(candidates, policy, allowed, session.io.now());
  return { title: volumeTitle(listed), verdicts };
}

function requireAnyPolicy(plans: readonly VolumePlan[]): void {
  if (plans.length === 0 || plans.some(({ verdicts }) => verdicts !== undefined)) return;
  throw new DockformError("prune.no-rules", "nothing says which snapshots to keep", {
    hint: "Give rules, as in --keep-daily 7 --keep-weekly 4, or write them into the manifest: volumes: { name: { snapshot: { keep: { daily: 7 } } } }.",
  });
}

function leaving({ verdicts }: VolumePlan): readonly DescribedSnapshot[] {
  const going = (verdicts ?? []).filter(({ keptBy }) => keptBy.length === 0);
  return going.map(({ snapshot }) => snapshot.described);
}

/** The oldest first: whenever this is cut short, the newest are there. */
async function removeAll(
  store: Store,
  plans: readonly VolumePlan[],
  { io }: Session,
): Promise<void> {
  for (const plan of plans) {
    for (const snapshot of leaving(plan).toReversed()) {
      io.signal.throwIfAborted();
      await store.remove(snapshot);
    }
  }
}

function toText(plans: readonly VolumePlan[], deleted: boolean, session: Session): string {
  if (plans.length === 0) return "There are no snapshots.";
  const blocks = plans.map((plan) => volumeBlock(plan, deleted, session));
  const going = plans.flatMap(leaving);
  const bytes = formatBytes(going.reduce((sum, { storedBytes }) => sum + storedBytes, 0));
  const total = plans.reduce((sum, { verdicts }) => sum + (verdicts?.length ?? 0), 0);
  const of = `${going.length} of ${formatCount(total, "snapshot")}, ${bytes}`;
  const summary = deleted
    ? `Removed ${of}.`
    : `Dry run: ${of}, would be removed. Add --delete to remove ${going.length === 1 ? "it" : "them"}.`;
  return [...blocks, summary].join("\n\n");
}

function volumeBlock(
  { title: name, verdicts }: VolumePlan,
  deleted: boolean,
  session: Session,
): string {
  const { paint, columns } = session;
  if (verdicts === undefined) return `${paint("bold", name)}: no rules, so all are kept`;
  const rows = verdicts.map(({ snapshot, keptBy }) => {
    const { time, storedBytes } = snapshot.described;
    const gone = deleted ? "removed" : "remove";
    return [
      keptBy.length > 0 ? paint("green", "  keep") : paint("red", `  ${gone}`),
      formatTime(time),
      formatBytes(storedBytes),
      keptBy.join(", ") || "-",
      snapshot.note ?? "",
    ];
  });
  return `${paint("bold", name)}\n${table(rows, { columns, right: [2], flexible: [4, 3] })}`;
}

function toJson(plans: readonly VolumePlan[], deleted: boolean): unknown {
  return {
    deleted,
    volumes: plans.map(({ title: name, verdicts }) => ({
      volume: name,
      has_policy: verdicts !== undefined,
      snapshots: (verdicts ?? []).map(({ snapshot, keptBy }) => ({
        archive: snapshot.described.archivePath,
        created_at: snapshot.time.toISOString(),
        stored_bytes: snapshot.described.storedBytes,
        notes: snapshot.note ?? null,
        keep: keptBy.length > 0,
        kept_by: keptBy,
      })),
    })),
  };
}
