import { applyRetention, type RetentionPolicy } from "./retention.ts";

/** A snapshot as far as pruning looks at it. */
export interface PruneCandidate {
  readonly time: Date;
  readonly note: string | undefined;
  readonly isVerified: boolean;
  /** Why it cannot be trusted. */
  readonly problem: string | undefined;
  /** Whether a restore in place wrote it of the old contents. */
  readonly isSafety: boolean;
  /** The other volume that it is of. */
  readonly otherVolume: string | undefined;
}

/** What may go that is kept by default; each has to be said. */
export interface PruneAllowances {
  readonly lastOne: boolean;
  readonly lastVerified: boolean;
}

export interface PruneVerdict<Candidate> {
  readonly snapshot: Candidate;
  /** Why it is kept; none where it goes. */
  readonly keptBy: readonly string[];
}

/**
 * Which snapshots of a volume go. A policy alone decides too much: a snapshot that is damaged must not take
 * the place of a good one, nor may one of another volume take that of one of this, nor what a restore in place
 * saved that of what somebody took; so none of them counts, and all are left for a person to look at. And the newest one, and the newest of those that were verified, stay
 * whatever the rules say.
 *
 * @returns a verdict for each, the newest first.
 */
export function planPrune<Candidate extends PruneCandidate>(
  candidates: readonly Candidate[],
  policy: RetentionPolicy,
  allowed: PruneAllowances,
  now: Date,
): readonly PruneVerdict<Candidate>[] {
  const sound = candidates.filter((candidate) => reasonToLeave(candidate) === undefined);
  const verdicts = applyRetention(sound, policy, now);
  const newest = verdicts[0]?.snapshot;
  const verified = verdicts.find(({ snapshot }) => snapshot.isVerified)?.snapshot;
  const guarded = verdicts.map(({ snapshot, keptBy }) => {
    if (keptBy.length > 0) return { snapshot, keptBy };
    const guards = [
      ...(snapshot === newest && !allowed.lastOne ? ["the newest of all"] : []),
      ...(snapshot === verified && !allowed.lastVerified ? ["the last verified one"] : []),
    ];
    return { snapshot, keptBy: guards };
  });
  const left = candidates.flatMap((snapshot) => {
    const reason = reasonToLeave(snapshot);
    return reason === undefined ? [] : [{ snapshot, keptBy: [reason] }];
  });
  return [...guarded, ...left].toSorted(
    (a, b) => b.snapshot.time.getTime() - a.snapshot.time.getTime(),
  );
}

function reasonToLeave({ problem, isSafety, otherVolume }: PruneCandidate): string | undefined {
  if (otherVolume !== undefined) return `of volume ${otherVolume}: look at it yourself`;
  if (problem !== undefined) return "damaged: look at it yourself";
  return isSafety ? "from before a restore in place: remove it with `snapshot remove`" : undefined;
}
