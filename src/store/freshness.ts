import { assuranceOf, type Assurance } from "../snapshot/assurance.ts";
import type { Interval } from "../snapshot/duration.ts";
import { judgeFreshness, type FreshnessState } from "../snapshot/freshness.ts";
import { whyPassedOver } from "./newest.ts";
import { newestFirst, type Store, type StoredSnapshot, type VolumeSnapshots } from "./store.ts";

/** How a volume stands with its snapshots, and why. Of these only good ones of its own count. */
export interface Freshness {
  readonly state: FreshnessState;
  readonly every: Interval | "never" | undefined;
  readonly newest: StoredSnapshot | undefined;
  /** When the newest was last found to be what the volume still held. */
  readonly unchangedAt: Date | undefined;
  /** Since the newest was taken, or was last what the volume held. Negative when it is from a time to come. */
  readonly ageMs: number | undefined;
  /** What has been found out of the newest. */
  readonly assurance: Assurance;
  /** Those that cannot be used, the newest first; one whose data is gone at the end. */
  readonly damaged: readonly DamagedSnapshot[];
}

export interface DamagedSnapshot {
  /** The data's path; the sidecar's where the data is gone. */
  readonly path: string;
  readonly problem: string;
}

/**
 * Looks into the sidecar of each of a volume's snapshots.
 *
 * @param listed what the store lists under the names that it may have for the volume.
 */
export async function volumeFreshness(
  volume: string,
  store: Store,
  listed: readonly VolumeSnapshots[],
  every: Interval | "never" | undefined,
  now: Date,
): Promise<Freshness> {
  const all = newestFirst(listed.flatMap(({ snapshots }) => snapshots));
  const described = await Promise.all(all.map((snapshot) => store.describe(snapshot)));
  const newest = described.find((each) => whyPassedOver(each, volume) === undefined);
  const damaged = [
    ...described.flatMap((each): readonly DamagedSnapshot[] =>
      whyPassedOver(each, volume) === "damaged"
        ? [{ path: each.archivePath, problem: each.problem ?? "" }]
        : [],
    ),
    ...listed.flatMap(({ leftovers }) => leftovers.flatMap(withoutData)),
  ];
  const sidecar = newest?.sidecar;
  const unchangedAt =
    sidecar?.unchanged_at === undefined ? undefined : new Date(sidecar.unchanged_at);
  const currentAt = latest(newest?.time, unchangedAt);
  return {
    state: judgeFreshness({ currentAt, anyDamaged: damaged.length > 0, every }, now),
    every,
    newest,
    unchangedAt,
    ageMs: currentAt && now.getTime() - currentAt.getTime(),
    assurance: assuranceOf(sidecar, newest?.problem),
    damaged,
  };
}

function withoutData({
  path,
  kind,
}: VolumeSnapshots["leftovers"][number]): readonly DamagedSnapshot[] {
  return kind === "no data" ? [{ path, problem: "its data is missing" }] : [];
}

function latest(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.getTime() > b.getTime() ? a : b;
}
