import type { Sidecar } from "../snapshot/sidecar.ts";
import { listFolders, type StoredSnapshot } from "./list.ts";
import { describeSnapshot } from "./sidecars.ts";

/**
 * The volume that a sidecar names, where that is not the one whose folder the snapshot is in: such a snapshot is
 * a stranger there, and stands for nothing. One whose sidecar cannot be read is not taken for a stranger.
 */
export function otherVolume(sidecar: Sidecar | undefined, volume: string): string | undefined {
  return sidecar === undefined || sidecar.volume_name === volume ? undefined : sidecar.volume_name;
}

/** Opens the sidecar. */
export function isStranger(snapshot: StoredSnapshot, volume: string): boolean {
  return otherVolume(describeSnapshot(snapshot).sidecar, volume) !== undefined;
}

/** A volume's newest complete snapshot in any of the folders; sidecars are opened until one is the volume's. */
export async function newestSnapshot(
  folders: readonly string[],
  volume: string,
): Promise<StoredSnapshot | undefined> {
  return (await listFolders(folders)).find((snapshot) => !isStranger(snapshot, volume));
}
