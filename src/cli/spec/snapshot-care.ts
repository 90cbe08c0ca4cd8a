import { Option } from "@commander-js/extra-typings";
import {
  checkOption,
  examples,
  parseSeconds,
  REFERENCE,
  storeOption,
  type OptionsOf,
} from "./options.ts";
import type { Group } from "./root.ts";

/** A database may replay a long log before it is healthy. */
const DEFAULT_TIMEOUT_S = 600;

export function snapshotStatusSpec(snapshot: Group) {
  return snapshot
    .command("status")
    .description("Show how old the newest snapshot of each declared volume is. Asks no engine.")
    .addOption(storeOption())
    .addOption(checkOption())
    .addHelpText("after", examples("snapshot status", "snapshot status --check --json"));
}

export type SnapshotStatusOptions = OptionsOf<typeof snapshotStatusSpec>;

export function snapshotDrillSpec(snapshot: Group) {
  return snapshot
    .command("drill")
    .description(
      "Prove a snapshot: restore it into a throw-away volume and start a container on that. It is cut off from everything else, and removed afterwards.",
    )
    .argument("<snapshot>", REFERENCE)
    .addOption(storeOption())
    .option("--container <name>", "start a copy of this container (the one that uses the volume)")
    .option("--image <image>", "start this image instead, with --command")
    .option("--command <text>", "run by the image's /bin/sh; exit code 0 is the proof")
    .option("--mount-path <path>", "where the image has its data (the one volume that it declares)")
    .addOption(timeoutOption())
    .addHelpText(
      "after",
      examples(
        "snapshot drill myapp_data",
        "snapshot drill myapp_data@2026-11-23 --container myapp-db-1",
        "snapshot drill cache@latest --image redis:7 --command 'redis-check-rdb /data/dump.rdb'",
      ),
    );
}

export type SnapshotDrillOptions = OptionsOf<typeof snapshotDrillSpec>;

/** Seconds on the command line, milliseconds for the command. */
function timeoutOption() {
  return new Option(
    "--timeout <seconds>",
    "how long it may take to be healthy, or for the command to end",
  )
    .default(DEFAULT_TIMEOUT_S * 1000, String(DEFAULT_TIMEOUT_S))
    .argParser(parseSeconds);
}
