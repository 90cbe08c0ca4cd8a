import { before, parseSpan } from "./duration.ts";

/**
 * Which snapshots of a volume to keep, with the meaning that restic gives these rules: a snapshot is
 * kept when any of them keeps it. All are optional; without any, every snapshot is kept.
 */
export interface RetentionPolicy {
  /** The newest n. */
  readonly last?: number;
  /** Of each of the newest n hours (days, weeks, ...) that have a snapshot, the newest one. */
  readonly hourly?: number;
  readonly daily?: number;
  readonly weekly?: number;
  readonly monthly?: number;
  readonly yearly?: number;
  /** All that are not older than this, counted from the newest: `30d`, `1y5m7d2h`. */
  readonly within?: string;
  /** All whose note matches this regular expression. */
  readonly note?: string;
}

/** A snapshot as far as a policy looks at it. */
export interface RetentionCandidate {
  readonly time: Date;
  readonly note: string | undefined;
}

/** What a policy makes of one snapshot. */
export interface RetentionVerdict<Candidate> {
  readonly snapshot: Candidate;
  /** The rules that keep it, as `daily` or `oldest monthly`; none where it is not kept. */
  readonly keptBy: readonly string[];
}

interface Bucket {
  readonly rule: string;
  /** Snapshots with the same key are one. */
  readonly key: (time: Date, position: number) => string;
  left: number;
  lastKey: string | undefined;
}

const NO_POLICY = "no rule";

/**
 * Which of a volume's snapshots to keep, with restic's meaning: the rules are asked from the newest
 * snapshot to the oldest, each counts for itself, and a rule that has not found as many as it may keep
 * keeps the oldest one, too (as restic does since 0.16). Hours, days, weeks (ISO 8601) and so on are UTC's.
 *
 * @param now snapshots that seem to come from the future do not move the span of `within`.
 * @returns a verdict for each, the newest first.
 */
export function applyRetention<Candidate extends RetentionCandidate>(
  snapshots: readonly Candidate[],
  policy: RetentionPolicy,
  now: Date,
): readonly RetentionVerdict<Candidate>[] {
  const newestFirst = snapshots.toSorted((a, b) => b.time.getTime() - a.time.getTime());
  if (isEmptyPolicy(policy)) {
    return newestFirst.map((snapshot) => ({ snapshot, keptBy: [NO_POLICY] }));
  }
  const buckets = bucketsOf(policy);
  const isWithin = withinRule(policy.within, newestFirst, now);
  const note = policy.note === undefined ? undefined : new RegExp(policy.note);
  return newestFirst.map((snapshot, position) => {
    const isOldest = position === newestFirst.length - 1;
    const keptBy = [
      ...(note !== undefined && snapshot.note && note.test(snapshot.note) ? ["note"] : []),
      ...(isWithin(snapshot.time) ? [`within ${policy.within}`] : []),
      ...buckets.flatMap((bucket) => take(bucket, snapshot.time, position, isOldest)),
    ];
    return { snapshot, keptBy };
  });
}

/** Whether a policy has no rule at all, and so keeps everything. */
export function isEmptyPolicy(policy: RetentionPolicy): boolean {
  return Object.values(policy).every((rule) => rule === undefined || rule === 0);
}

/** Each rule takes the first snapshot of a key it has not seen, as long as it has any left to take. */
function take(bucket: Bucket, time: Date, position: number, isOldest: boolean): readonly string[] {
  if (bucket.left <= 0) return [];
  const key = bucket.key(time, position);
  const isNew = key !== bucket.lastKey;
  if (!isNew && !isOldest) return [];
  bucket.lastKey = key;
  bucket.left -= 1;
  return [isNew ? bucket.rule : `oldest ${bucket.rule}`];
}

function bucketsOf(policy: RetentionPolicy): readonly Bucket[] {
  const bucket = (rule: string, count: number | undefined, key: Bucket["key"]): Bucket => ({
    rule,
    key,
    left: count ?? 0,
    lastKey: undefined,
  });
  return [
    bucket("last", policy.last, (_time, position) => String(position)),
    bucket("hourly", policy.hourly, (time) => time.toISOString().slice(0, "2026-11-23T02".length)),
    bucket("daily", policy.daily, (time) => time.toISOString().slice(0, "2026-11-23".length)),
    bucket("weekly", policy.weekly, isoWeek),
    bucket("monthly", policy.monthly, (time) => time.toISOString().slice(0, "2026-11".length)),
    bucket("yearly", policy.yearly, (time) => time.toISOString().slice(0, "2026".length)),
  ];
}

const DAY_MS = 86_400_000;
const WEEK_MS = 7 * DAY_MS;

/** `2026-48`: a week belongs to the year that its Thursday is in. */
function isoWeek(time: Date): string {
  const daysSinceMonday = (time.getUTCDay() + 6) % 7;
  const thursday = new Date(time.getTime() + (3 - daysSinceMonday) * DAY_MS);
  const year = thursday.getUTCFullYear();
  const week = 1 + Math.floor((thursday.getTime() - Date.UTC(year, 0, 1)) / WEEK_MS);
  return `${year}-${week}`;
}

/** Later than the newest snapshot's time less the span. */
function withinRule(
  within: string | undefined,
  newestFirst: readonly RetentionCandidate[],
  now: Date,
): (time: Date) => boolean {
  const span = within === undefined ? undefined : parseSpan(within);
  const newest = newestFirst.find(({ time }) => time < now);
  if (span === undefined) return () => false;
  // All of them are from the future: nothing tells what is old.
  if (newest === undefined) return () => true;
  const limit = before(newest.time, span);
  return (time) => time > limit;
}
