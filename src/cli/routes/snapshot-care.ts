import { Option, type Command } from "commander";
import type { SnapshotDrillOptions } from "../commands/snapshot-drill.ts";
import {
  checkOption,
  type CheckOption,
  examples,
  parseSeconds,
  REFERENCE,
  withStore,
  type Start,
} from "./options.ts";

/** A database may replay a long log before it is healthy. */
const DEFAULT_TIMEOUT_S = 600;

/** `snapshot status` and `snapshot drill`: whether snapshots are there, and good, when they are needed. */
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
  withStore(snapshot.command("drill"))
    .description(
      "Prove a snapshot: restore it into a throw-away volume and start something on that. Nothing of it reaches anything outside, and all of it is removed.",
    )
    .argument("<snapshot>", REFERENCE)
    .option("--container <name>", "start a copy of this container (the one that uses the volume)")
    .option("--image <image>", "start this image instead, with --command")
    .option("--command <text>", "run by the image's /bin/sh; exit code 0 is the proof")
    .option("--mount-path <path>", "where the image has its data (the one volume that it declares)")
    .addOption(
      new Option("--timeout <seconds>", "how long health, or the command, may take")
        .default(DEFAULT_TIMEOUT_S * 1000, String(DEFAULT_TIMEOUT_S))
        .argParser(parseSeconds),
    )
    .addHelpText(
      "after",
      examples(
        "snapshot drill myapp_data",
        "snapshot drill myapp_data@2026-11-23 --container myapp-db-1",
        "snapshot drill cache@latest --image redis:7 --command 'redis-check-rdb /data/dump.rdb'",
      ),
    )
    .action(async (reference: string, options: SnapshotDrillOptions, command: Command) => {
      const { snapshotDrill } = await import("../commands/snapshot-drill.ts");
      await snapshotDrill(start(command), reference, options);
    });
}
