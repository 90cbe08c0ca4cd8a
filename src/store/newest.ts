import type { Sidecar } from "../snapshot/sidecar.ts";
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

/** Opens the sidecar. */
export async function isStranger(
  store: Store,
  snapshot: StoredSnapshot,
  volume: string,
): Promise<boolean> {
  return otherVolume((await store.describe(snapshot)).sidecar, volume) !== undefined;
}

/**
 * A volume's newest complete snapshot under any of the names that a store may have for it; sidecars are opened until
 * one is the volume's.
 */
export async function newestSnapshot(
  store: Store,
  places: readonly StoredVolume[],
  volume: string,
): Promise<DescribedSnapshot | undefined> {
  const listed = await Promise.all(places.map((place) => store.snapshotsOf(place)));
  for (const snapshot of newestFirst(listed.flat())) {
    const described = await store.describe(snapshot);
    if (otherVolume(described.sidecar, volume) === undefined) return described;
  }
  return undefined;
}
