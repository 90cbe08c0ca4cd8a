import { snapshotVolume, type SnapshotReport, type SnapshotRequest } from "../capture/snapshot.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";
import { outcomesOf, settleWithLimit, type Outcomes } from "./several.ts";

/** Each snapshot's zstd uses all cores; a second one fills the pauses of the first. */
const SNAPSHOTS_AT_ONCE = 2;

/** Writes a snapshot of each volume; one that fails stops none of the others. */
export async function snapshotVolumes(
  targets: readonly VolumeTarget[],
  request: Omit<SnapshotRequest, "target">,
  tools: Tools,
): Promise<Outcomes<SnapshotReport>> {
  const results = await settleWithLimit(withoutRepeats(targets), SNAPSHOTS_AT_ONCE, (target) =>
    snapshotVolume({ target, ...request }, tools),
  );
  return outcomesOf(results);
}

/** The same volume twice in one call is one snapshot. */
function withoutRepeats(targets: readonly VolumeTarget[]): readonly VolumeTarget[] {
  const byName = new Map(targets.map((target) => [`${target.context}/${target.volume}`, target]));
  return [...byName.values()];
}
