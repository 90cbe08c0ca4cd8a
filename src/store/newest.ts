import type { PassedOver } from "../snapshot/pick.ts";
import { isSafety, type Sidecar } from "../snapshot/sidecar.ts";
import {
  newestFirst,
  type DescribedSnapshot,
  type Store,
  type StoredSnapshot,
  type StoredVolume,
} from "./store.ts";

/**
 * The volume that a sidecar names, where that is not the one whose folder the snapshot is in: such a snapshot is
 * a stranger there, and stands for nothing. One whose sidecar cannot be read is not taken for a stranger.
 */
export function otherVolume(sidecar: Sidecar | undefined, volume: string): string | undefined {
  return sidecar === undefined || sidecar.volume_name === volume ? undefined : sidecar.volume_name;
}

/** Why a snapshot does not count among a volume's own; `undefined` for one that does. */
export function whyPassedOver(
  { sidecar, problem }: DescribedSnapshot,
  volume: string,
): PassedOver | undefined {
  if (otherVolume(sidecar, volume) !== undefined) return "stranger";
  if (problem !== undefined) return "damaged";
  return sidecar !== undefined && isSafety(sidecar) ? "safety" : undefined;
}

/**
 * A volume's newest good snapshot under any of the names that a store may have for it; sidecars are opened until
 * one counts.
 *
 * @param tellDamaged is told of damaged ones of the volume that are newer.
 */
export async function newestSnapshot(
  store: Store,
  places: readonly StoredVolume[],
  volume: string,
  tellDamaged: (snapshot: DescribedSnapshot) => void = () => {},
): Promise<DescribedSnapshot | undefined> {
  const listed = await Promise.all(places.map((place) => store.snapshotsOf(place)));
  for (const snapshot of newestFirst<StoredSnapshot>(listed.flat())) {
    const described = await store.describe(snapshot);
    const why = whyPassedOver(described, volume);
    if (why === undefined) return described;
    if (why === "damaged") tellDamaged(described);
  }
  return undefined;
}
