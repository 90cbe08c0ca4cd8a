import { leaving, planPruning, removeLeaving, type VolumePruning } from "../../app/prune.ts";
import type { UnremovedSnapshot } from "../../app/remove-snapshots.ts";
import { formatBytes, formatCount, formatTime } from "../../format.ts";
import { isEmptyPolicy, type RetentionPolicy } from "../../snapshot/retention.ts";
import { paragraphs, table } from "../output/table.ts";
import type { ItemOf } from "../documents/documents.ts";
import { failedSnapshot, throwFailures } from "../failures.ts";
import type { Session } from "../session.ts";
import type { SnapshotPruneOptions } from "../spec/snapshot.ts";

export async function snapshotPrune(
  session: Session,
  reference: string | undefined,
  options: SnapshotPruneOptions,
): Promise<void> {
  using workspace = await session.openWorkspace(options);
  const { tools } = session;
  const request = {
    volume: reference,
    policy: policyOfFlags(options),
    allowed: { lastOne: options.evenLast, lastVerified: options.evenLastVerified },
  };
  const plans = await planPruning(workspace, request, tools.now());
  const failures = options.delete ? await removeLeaving(workspace, plans, tools) : [];
  session.result<"snapshot prune">(
    {
      deleted: options.delete,
      volumes: plans.map(toJson),
      failures: failures.map((failure) => failedSnapshot(failure, session)),
    },
    failures.length === 0 ? toText(plans, options.delete, session) : [],
  );
  throwFailures(failures, session, failedText(failures, plans));
}

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

function failedText(
  { length }: readonly UnremovedSnapshot[],
  plans: readonly VolumePruning[],
): string {
  return `${length} of ${formatCount(plans.flatMap(leaving).length, "snapshot")} could not be removed`;
}

function toText(
  plans: readonly VolumePruning[],
  deleted: boolean,
  session: Session,
): readonly string[] {
  const blocks = plans.map((plan) => volumeBlock(plan, deleted, session));
  const going = plans.flatMap(leaving);
  const bytes = formatBytes(going.reduce((sum, { storedBytes }) => sum + storedBytes, 0));
  const total = plans.reduce((sum, { verdicts }) => sum + (verdicts?.length ?? 0), 0);
  const of = `${going.length} of ${formatCount(total, "snapshot")}, ${bytes}`;
  const summary = deleted
    ? `Removed ${of}.`
    : `Dry run: ${of}, would be removed. Add --delete to remove ${going.length === 1 ? "it" : "them"}.`;
  return paragraphs(...blocks, [summary]);
}

function volumeBlock(
  { title: name, verdicts }: VolumePruning,
  deleted: boolean,
  session: Session,
): readonly string[] {
  const { paint, columns } = session;
  if (verdicts === undefined) return [`${paint("bold", name)}: no rules, so all are kept`];
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
  return [paint("bold", name), ...table(rows, { columns, right: [2], flexible: [4, 3] })];
}

function toJson(plan: VolumePruning): ItemOf<"snapshot prune", "volumes"> {
  const { context, volume, verdicts } = plan;
  return {
    context: context ?? null,
    volume,
    has_policy: verdicts !== undefined,
    snapshots: (verdicts ?? []).map(({ snapshot, keptBy }) => ({
      archive: snapshot.described.archivePath,
      created_at: formatTime(snapshot.time),
      stored_bytes: snapshot.described.storedBytes,
      notes: snapshot.note ?? null,
      keep: keptBy.length > 0,
      kept_by: keptBy,
    })),
  };
}
