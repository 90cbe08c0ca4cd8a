import type { Interval } from "./duration.ts";

/**
 * How a volume stands with its snapshots:
 * - `fresh`: the newest is not older than wanted;
 * - `present`: there is one, and nothing says how old it may get;
 * - `excluded`: the manifest says that the volume needs none;
 * - `stale`: the newest is older than wanted;
 * - `missing`: there is none;
 * - `future`: the newest is from a time to come. A clock was wrong, so that its age is not known;
 * - `damaged`: the newest has a sidecar that cannot be read, so it cannot be restored as it is.
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

/** What is known of a volume's newest snapshot. */
export interface FreshnessFacts {
  /** When the newest snapshot was taken, or was last found to be what the volume still holds. */
  readonly currentAt: Date | undefined;
  readonly sidecarValid: boolean;
  readonly every: Interval | "never" | undefined;
}

export function judgeFreshness(
  { currentAt, sidecarValid, every }: FreshnessFacts,
  now: Date,
): FreshnessState {
  if (every === "never") return "excluded";
  if (currentAt === undefined) return "missing";
  if (!sidecarValid) return "damaged";
  const ageMs = now.getTime() - currentAt.getTime();
  if (ageMs < -CLOCK_TOLERANCE_MS) return "future";
  if (every === undefined) return "present";
  return ageMs > every.milliseconds ? "stale" : "fresh";
}

/** Whether somebody should do something about it. */
export function wantsAttention(state: FreshnessState): boolean {
  return state === "stale" || state === "missing" || state === "future" || state === "damaged";
}
