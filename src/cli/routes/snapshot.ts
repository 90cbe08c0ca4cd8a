import type { Group } from "../spec/root.ts";
import {
  snapshotListSpec,
  snapshotShowSpec,
  snapshotFilesSpec,
  snapshotCatSpec,
  snapshotExtractSpec,
  snapshotDiffSpec,
} from "../spec/snapshot.ts";
import type { Start } from "../session.ts";

/** What lists snapshots, and looks into them. */
export function addSnapshotCommands(snapshot: Group, start: Start): void {
  snapshotListSpec(snapshot).action(async (volume, options, command) => {
    const { snapshotList } = await import("../commands/snapshot-list.ts");
    await snapshotList(start(command), volume, options);
  });
  snapshotShowSpec(snapshot).action(async (reference, options, command) => {
    const { snapshotShow } = await import("../commands/snapshot-show.ts");
    await snapshotShow(start(command), reference, options);
  });
  snapshotFilesSpec(snapshot).action(async (reference, path, options, command) => {
    const { snapshotFiles } = await import("../commands/snapshot-files.ts");
    await snapshotFiles(start(command), reference, path, options);
  });
  snapshotCatSpec(snapshot).action(async (reference, path, options, command) => {
    const { snapshotCat } = await import("../commands/snapshot-cat.ts");
    await snapshotCat(start(command), reference, path, options);
  });
  snapshotExtractSpec(snapshot).action(async (reference, paths, options, command) => {
    const { snapshotExtract } = await import("../commands/snapshot-extract.ts");
    await snapshotExtract(start(command), reference, paths, options);
  });
  snapshotDiffSpec(snapshot).action(async (from, to, options, command) => {
    const { snapshotDiff } = await import("../commands/snapshot-diff.ts");
    await snapshotDiff(start(command), from, to, options);
  });
}
