import type { Interval } from "./duration.ts";

/**
 * How a volume stands with its snapshots:
 * - `fresh`: the newest good one is not older than wanted;
 * - `present`: there is a good one, and nothing says how old it may get;
 * - `excluded`: the manifest says that the volume needs none;
 * - `stale`: the newest good one is older than wanted;
 * - `missing`: there is none;
 * - `future`: the newest good one is from a time to come. A clock was wrong, so that its age is not known;
 * - `damaged`: some are known to be damaged, or to lack their data, whatever else there is.
 */
export type FreshnessState =
  | "fresh"
  | "present"
  | "excluded"
  | "stale"
  | "missing"
  | "future"
  | "damaged";

/** Clocks of two machines that share a store may differ by this much. */
const CLOCK_TOLERANCE_MS = 3_600_000;

/** What is known of a volume's snapshots. */
export interface FreshnessFacts {
  /** When the newest good one was taken, or was last found to be what the volume still holds. */
  readonly currentAt: Date | undefined;
  readonly anyDamaged: boolean;
  readonly every: Interval | "never" | undefined;
}

export function judgeFreshness(
  { currentAt, anyDamaged, every }: FreshnessFacts,
  now: Date,
): FreshnessState {
  if (every === "never") return "excluded";
  if (anyDamaged) return "damaged";
  if (currentAt === undefined) return "missing";
  const ageMs = now.getTime() - currentAt.getTime();
  if (ageMs < -CLOCK_TOLERANCE_MS) return "future";
  if (every === undefined) return "present";
  return ageMs > every.milliseconds ? "stale" : "fresh";
}

/** Whether somebody should do something about it. */
export function wantsAttention(state: FreshnessState): boolean {
  return state === "stale" || state === "missing" || state === "future" || state === "damaged";
}
