import type { Interval } from "../snapshot/duration.ts";
import { judgeFreshness, type FreshnessState } from "../snapshot/freshness.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import { newestSnapshot } from "./newest.ts";
import type { Store, StoredSnapshot, StoredVolume } from "./store.ts";

/** How a volume stands with its snapshots, and why. */
export interface Freshness {
  readonly state: FreshnessState;
  readonly every: Interval | "never" | undefined;
  readonly newest: StoredSnapshot | undefined;
  /** When the newest was last found to be what the volume still held. */
  readonly unchangedAt: Date | undefined;
  /** Since the newest was taken, or was last what the volume held. Negative when it is from a time to come. */
  readonly ageMs: number | undefined;
  readonly sidecar: Sidecar | undefined;
  /** What is wrong with the newest one's sidecar. */
  readonly damage: string | undefined;
}

/**
 * Looks at the names of a volume's snapshots, and into one sidecar: that of the newest.
 *
 * @param places the names that the store may have for the volume.
 */
export async function volumeFreshness(
  volume: string,
  store: Store,
  places: readonly StoredVolume[],
  every: Interval | "never" | undefined,
  now: Date,
): Promise<Freshness> {
  const newest = await newestSnapshot(store, places, volume);
  const sidecar = newest?.sidecar;
  const damage = newest && sidecar === undefined ? newest.problem : undefined;
  const unchangedAt =
    sidecar?.unchanged_at === undefined ? undefined : new Date(sidecar.unchanged_at);
  const currentAt = latest(newest?.time, unchangedAt);
  return {
    state: judgeFreshness({ currentAt, sidecarValid: damage === undefined, every }, now),
    every,
    newest,
    unchangedAt,
    ageMs: currentAt && now.getTime() - currentAt.getTime(),
    sidecar,
    damage,
  };
}

function latest(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.getTime() > b.getTime() ? a : b;
}
