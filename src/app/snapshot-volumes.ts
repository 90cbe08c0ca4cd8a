import { snapshotVolume, type SnapshotReport, type SnapshotRequest } from "../capture/snapshot.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";
import { settleWithLimit, type FailedVolume } from "./several.ts";

/** Each snapshot's zstd uses all cores; a second one fills the pauses of the first. */
const SNAPSHOTS_AT_ONCE = 2;

/** What became of several volumes, each in the order in which they were asked for. */
export interface SnapshotOutcomes {
  readonly reports: readonly SnapshotReport[];
  readonly failures: readonly FailedVolume[];
}

/** Writes a snapshot of each volume; one that fails stops none of the others. */
export async function snapshotVolumes(
  targets: readonly VolumeTarget[],
  request: Omit<SnapshotRequest, "target">,
  tools: Tools,
): Promise<SnapshotOutcomes> {
  const wanted = withoutRepeats(targets);
  const results = await settleWithLimit(wanted, SNAPSHOTS_AT_ONCE, (target) =>
    snapshotVolume({ target, ...request }, tools),
  );
  return {
    reports: results.flatMap((each) => (each.status === "fulfilled" ? [each.value] : [])),
    failures: wanted.flatMap(({ context, volume }, i) => {
      const result = results[i];
      return result?.status === "rejected"
        ? [{ context, volume, error: result.reason as unknown }]
        : [];
    }),
  };
}

/** The same volume twice in one call is one snapshot. */
function withoutRepeats(targets: readonly VolumeTarget[]): readonly VolumeTarget[] {
  const byName = new Map(targets.map((target) => [`${target.context}/${target.volume}`, target]));
  return [...byName.values()];
}
