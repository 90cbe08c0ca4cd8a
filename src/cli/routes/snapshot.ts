import type { Command } from "commander";
import type { Start } from "./options.ts";
import { addSnapshotCareCommands } from "./snapshot-care.ts";

/** `snapshot ...`. */
export function addSnapshotCommands(root: Command, start: Start): void {
  const snapshot = root.command("snapshot").description("Look after snapshots.");
  addSnapshotCareCommands(snapshot, start);
}
