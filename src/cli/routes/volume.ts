import { InvalidArgumentError, type Command } from "commander";
import { ARCHIVE_FORMATS, DEFAULT_LEVEL } from "../../snapshot/name.ts";
import type { VolumeRestoreOptions } from "../commands/volume-restore.ts";
import type { VolumeSnapshotOptions } from "../commands/volume-snapshot.ts";
import { choice, examples, type Start } from "./options.ts";

/** `volume list`, `volume snapshot` and `volume restore`. */
export function addVolumeCommands(root: Command, start: Start): void {
  const volume = root.command("volume").description("List, snapshot and restore volumes.");
  volume
    .command("list")
    .alias("ls")
    .description("Show volumes, their size, the containers using them, their newest snapshot.")
    .action(async (_options, command: Command) => {
      const { volumeList } = await import("../commands/volume-list.ts");
      await volumeList(start(command));
    });
  volume
    .command("snapshot")
    .description("Write a snapshot of each volume named.")
    .argument("<[context/]volume...>", "volumes, declared or not")
    .option(
      "-o, --output <folder>",
      "where snapshots are kept (.dockform/snapshots by the manifest)",
    )
    .option("--note <text>", "a note to keep with it")
    .option("--level <1..19>", "zstd's compression level", parseLevel, DEFAULT_LEVEL)
    .addOption(choice("--format <format>", "form of the data file", ARCHIVE_FORMATS, "tar.zst"))
    .addHelpText(
      "after",
      examples("volume snapshot myapp_data", "volume snapshot a b --note 'before the upgrade'"),
    )
    .action(async (names: string[], options: VolumeSnapshotOptions, command: Command) => {
      const { volumeSnapshot } = await import("../commands/volume-snapshot.ts");
      await volumeSnapshot(start(command), names, options);
    });
  volume
    .command("restore")
    .description("Replace what a volume holds by a snapshot.")
    .argument("<[context/]volume>", "a declared volume")
    .argument("<path>", "the snapshot's .tar.zst or .tar file")
    .option("--force", "replace what a volume that is not empty holds", false)
    .option(
      "--stop-containers",
      "stop the containers that use it for the swap, then start them again",
      false,
    )
    .option("--undeclared", "restore into a volume that the manifest does not declare", false)
    .option("--dry-run", "make every check and change nothing", false)
    .addHelpText(
      "after",
      examples(
        "volume restore myapp_data .dockform/snapshots/myapp_data/2026-11-23T02-15-40Z__spec-5df65d76.tar.zst --force --stop-containers",
      ),
    )
    .action(async (name: string, path: string, options: VolumeRestoreOptions, command: Command) => {
      const { volumeRestore } = await import("../commands/volume-restore.ts");
      await volumeRestore(start(command), name, path, options);
    });
}

function parseLevel(text: string): number {
  const level = Number(text);
  if (!Number.isInteger(level) || level < 1 || level > 19) {
    throw new InvalidArgumentError("Expected a whole number from 1 to 19.");
  }
  return level;
}
