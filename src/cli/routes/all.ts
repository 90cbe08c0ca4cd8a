import type { Start } from "../session.ts";
import { snapshotGroup, volumeGroup, type RootCommand } from "../spec/root.ts";
import { addCompletionCommands } from "./completion.ts";
import { addDiagnosticCommands } from "./diagnostic.ts";
import { addManifestCommands } from "./manifest.ts";
import { addNightlyCommand } from "./nightly.ts";
import { addSnapshotCareCommands } from "./snapshot-care.ts";
import { addSnapshotCommands } from "./snapshot.ts";
import { addVolumeCommands } from "./volume.ts";

/** Every command, in the order of the help. */
export function addCommands(root: RootCommand, start: Start): void {
  addManifestCommands(root, start);
  addVolumeCommands(volumeGroup(root), start);
  const snapshot = snapshotGroup(root);
  addSnapshotCommands(snapshot, start);
  addSnapshotCareCommands(snapshot, start);
  addNightlyCommand(root, start);
  addDiagnosticCommands(root, start);
  addCompletionCommands(root, start);
}
