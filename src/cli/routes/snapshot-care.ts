import type { Command } from "commander";
import type { CheckOption } from "../commands/snapshot-status.ts";
import { checkOption, examples, type Start } from "./options.ts";

/** `snapshot status`: whether snapshots are there when they are needed. */
export function addSnapshotCareCommands(snapshot: Command, start: Start): void {
  snapshot
    .command("status")
    .description("Show how old the newest snapshot of each declared volume is. Asks no engine.")
    .addOption(checkOption())
    .addHelpText("after", examples("snapshot status", "snapshot status --check --json"))
    .action(async (options: CheckOption, command: Command) => {
      const { snapshotStatus } = await import("../commands/snapshot-status.ts");
      await snapshotStatus(start(command), options);
    });
}
