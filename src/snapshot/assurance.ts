import type { Sidecar } from "./sidecar.ts";

/** What has been found out of a snapshot since it was written, as far as it still holds. */
export interface Assurance {
  /** When all of its data was last read and found to be what was stored. */
  readonly verifiedAt: Date | undefined;
  /** When a drill last saw something run on it. */
  readonly provenAt: Date | undefined;
  /** When its data was found damaged. */
  readonly damagedAt: Date | undefined;
  /** When containers were found not healthy on it. */
  readonly unhealthyAt: Date | undefined;
}

/**
 * One that cannot be trusted is neither verified nor proven, whatever was found before; and of being proven and being
 * found not healthy the later one counts.
 *
 * @param problem why it cannot be trusted.
 */
export function assuranceOf(sidecar: Sidecar | undefined, problem: string | undefined): Assurance {
  const { verified_at: verified, proven_at: proven, damaged_at: damaged } = sidecar ?? {};
  const [provenAt, unhealthyAt] = [proven, sidecar?.unhealthy_at].map(toDate);
  const isProven = provenAt !== undefined && !(unhealthyAt && unhealthyAt >= provenAt);
  const isGood = problem === undefined;
  return {
    verifiedAt: isGood ? toDate(verified) : undefined,
    provenAt: isGood && isProven ? provenAt : undefined,
    damagedAt: toDate(damaged),
    unhealthyAt: isProven ? undefined : unhealthyAt,
  };
}

function toDate(time: string | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time);
}
