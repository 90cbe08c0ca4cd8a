import type { EngineVolume } from "../engine/volumes.ts";

/**
 * The volumes by which the files of one are reached, itself included: several volumes of the `local`
 * driver can be made over one folder or one device, and one over a folder inside another.
 */
export function volumesSharing(
  volume: EngineVolume,
  all: readonly EngineVolume[],
): readonly EngineVolume[] {
  const own = placesOf(volume);
  const others = all.filter(
    (other) => other.name !== volume.name && placesOf(other).some((place) => overlaps(place, own)),
  );
  return [volume, ...others];
}

/** Folders of the engine's host; a device is known by its own path, or for NFS by its server and what it is called. */
function placesOf({ driver, driverOpts, mountpoint }: EngineVolume): readonly string[] {
  const device = driver === "local" ? driverOpts["device"] : undefined;
  // All file systems in memory go by one name.
  const isShared = device !== undefined && driverOpts["type"] !== "tmpfs";
  const server = /(?:^|,)addr=([^,]*)/.exec(driverOpts["o"] ?? "")?.[1] ?? "";
  return [mountpoint, ...(isShared ? [`${server}${device}`] : [])]
    .map((place) => place.replace(/\/+$/, ""))
    .filter((place) => place !== "");
}

function overlaps(place: string, others: readonly string[]): boolean {
  return others.some(
    (other) => place === other || place.startsWith(`${other}/`) || other.startsWith(`${place}/`),
  );
}
