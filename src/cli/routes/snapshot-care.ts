import type { Group } from "../spec/root.ts";
import { snapshotPruneSpec, snapshotRemoveSpec, snapshotVerifySpec } from "../spec/snapshot.ts";
import { snapshotDrillSpec, snapshotStatusSpec } from "../spec/snapshot-care.ts";
import type { Start } from "../session.ts";

/** What looks after snapshots: whether they are there, and good, when they are needed. */
export function addSnapshotCareCommands(snapshot: Group, start: Start): void {
  snapshotVerifySpec(snapshot).action(async (reference, options, command) => {
    const { snapshotVerify } = await import("../commands/snapshot-verify.ts");
    await snapshotVerify(start(command), reference, options);
  });
  snapshotRemoveSpec(snapshot).action(async (references, options, command) => {
    const { snapshotRemove } = await import("../commands/snapshot-remove.ts");
    await snapshotRemove(start(command), references, options);
  });
  snapshotPruneSpec(snapshot).action(async (volume, options, command) => {
    const { snapshotPrune } = await import("../commands/snapshot-prune.ts");
    await snapshotPrune(start(command), volume, options);
  });
  snapshotStatusSpec(snapshot).action(async (options, command) => {
    const { snapshotStatus } = await import("../commands/snapshot-status.ts");
    await snapshotStatus(start(command), options);
  });
  snapshotDrillSpec(snapshot).action(async (reference, options, command) => {
    const { snapshotDrill } = await import("../commands/snapshot-drill.ts");
    await snapshotDrill(start(command), reference, options);
  });
}
