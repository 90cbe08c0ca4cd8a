import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { DEFAULT_HEALTH_TIMEOUT_MS } from "../../restore/request.ts";
import { ASPECTS } from "../../helper/message-groups.ts";
import { ARCHIVE_FORMATS, DEFAULT_LEVEL } from "../../snapshot/name.ts";
import {
  choice,
  examples,
  parseList,
  parsePlace,
  parseSeconds,
  parseStore,
  storeOption,
  type OptionsOf,
} from "./options.ts";
import type { Group } from "./root.ts";

export function volumeListSpec(volume: Group) {
  return volume
    .command("list")
    .alias("ls")
    .description("Show volumes, their size, the containers using them, their newest snapshot.")
    .addOption(storeOption())
    .addHelpText("after", examples("volume list", "volume list --context backup --json"));
}

export type VolumeListOptions = OptionsOf<typeof volumeListSpec>;

export function volumeSnapshotSpec(volume: Group) {
  return volume
    .command("snapshot")
    .description("Write a snapshot of each volume named.")
    .argument("[[context/]volume...]", "volumes, declared or not, or patterns such as 'myapp_*'")
    .option("--all", "all that the manifest declares; without a manifest, all there are", false)
    .addOption(excludeOption())
    .addOption(storeOption())
    .addOption(
      new Option("-o, --output <folder>", "the same as --store")
        .conflicts("store")
        .argParser(parseStore),
    )
    .option("--note <text>", "a note to keep with it")
    .option("--if-changed", "skip the snapshot if nothing has changed since the last one", false)
    .option("--level <1..19>", "zstd's compression level", parseLevel, DEFAULT_LEVEL)
    .addOption(choice("--format <format>", "format of the data file", ARCHIVE_FORMATS, "tar.zst"))
    .addHelpText(
      "after",
      examples(
        "volume snapshot myapp_data",
        "volume snapshot a b --note 'before the upgrade'",
        "volume snapshot myapp_data --if-changed",
        "volume snapshot 'myapp_*' --exclude myapp_cache",
        "volume snapshot --all --if-changed",
      ),
    );
}

export type VolumeSnapshotOptions = OptionsOf<typeof volumeSnapshotSpec>;

export function volumeRestoreSpec(volume: Group) {
  return volume
    .command("restore")
    .description("Replace a volume's contents with those of a snapshot.")
    .argument("<[context/]volume>", "a declared volume")
    .argument(
      "<snapshot>",
      "latest, latest~1, a time or its beginning, the same as volume@latest, or the path of a data file",
    )
    .addOption(storeOption())
    .option("--force", "replace the contents of a volume that is not empty", false)
    .option(
      "--stop-containers",
      "stop the containers that use it for the swap, then start them again",
      false,
    )
    .option("--undeclared", "restore into a volume that the manifest does not declare", false)
    .option("--create", "create a volume that does not exist, as the snapshot says", false)
    .option("--dry-run", "check everything and show the plan, change nothing", false)
    .option("--keep-previous", "keep what the volume held, for volume undo", false)
    .option(
      "--discard-kept",
      "remove contents that are kept already, so that others can be kept",
      false,
    )
    .addOption(pathOption())
    .addOption(stripComponentsOption())
    .addOption(fromOption())
    .option("--from-volume <name>", "restore a snapshot of this other volume")
    .option("--verify", "compare what was extracted with the archive, entry by entry", false)
    .addOption(withoutOption())
    .option("--strict-attributes", "refuse where an attribute cannot be put back", false)
    .option(
      "--in-place",
      "for lack of space or renames: snapshot the old contents, remove them, then extract",
      false,
    )
    .option("--force-empty", "restore an archive without files, which empties the volume", false)
    .option("--keep-failed", "keep the new contents when containers are not healthy on them", false)
    .addOption(healthTimeout())
    .addHelpText(
      "after",
      examples(
        "volume restore myapp_data latest --force --stop-containers",
        "volume restore myapp_data 2026-11-23T02:15 --dry-run",
      ),
    );
}

export type VolumeRestoreOptions = OptionsOf<typeof volumeRestoreSpec>;

function excludeOption() {
  return new Option(
    "--exclude <[context/]volume>",
    "not this volume, or those of a pattern; may be given several times",
  )
    .argParser((text: string, others: readonly string[]) => [...others, parsePlace(text)])
    .default([], "none");
}

function pathOption() {
  return new Option("--path <path>", "only this file or folder; may be given several times")
    .argParser((path: string, others: readonly string[]) => [...others, parsePath(path)])
    .default([], "everything");
}

function stripComponentsOption() {
  return new Option(
    "--strip-components <n>",
    "restore what is in the single folder this deep in the archive",
  )
    .argParser(parseComponents)
    .conflicts("from");
}

function fromOption() {
  return new Option("--from <folder>", "restore what is in this folder of the archive").argParser(
    parsePath,
  );
}

export function withoutOption() {
  return new Option(
    "--without <list>",
    `restore without what the volume cannot hold: ${ASPECTS.join(",")}`,
  )
    .argParser((text: string) => parseList(text, ASPECTS))
    .default([], "nothing");
}

export function volumeUndoSpec(volume: Group) {
  return volume
    .command("undo")
    .description(
      "Swap back the contents that a restore with --keep-previous, or an undo, has kept.",
    )
    .argument("<[context/]volume>", "a declared volume")
    .option(
      "--stop-containers",
      "stop the containers that use it for the swap, then start them again",
      false,
    )
    .option("--undeclared", "work on a volume that the manifest does not declare", false)
    .addOption(healthTimeout())
    .option("--discard", "remove the kept contents instead", false)
    .option("--skip-confirmation", "do not ask for confirmation", false)
    .addHelpText("after", examples("volume undo myapp_data --stop-containers"));
}

export type VolumeUndoOptions = OptionsOf<typeof volumeUndoSpec>;

export function volumeRecoverSpec(volume: Group) {
  return volume
    .command("recover")
    .description(
      "Finish or roll back an interrupted operation, and start the containers it had stopped.",
    )
    .argument("[[context/]volume]", "one volume; without it, all that the engine knows of")
    .addOption(storeOption())
    .addOption(healthTimeout())
    .addHelpText("after", examples("volume recover", "volume recover myapp_data"));
}

export type VolumeRecoverOptions = OptionsOf<typeof volumeRecoverSpec>;

function parseComponents(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError("Expected a whole number.");
  return Number(text);
}

/** Nothing at all would mean everything: that comes from a variable that is not set. */
function parsePath(text: string): string {
  if (text === "") throw new InvalidArgumentError("Expected a path inside the archive.");
  return text;
}

function parseLevel(text: string): number {
  const level = Number(text);
  if (!Number.isInteger(level) || level < 1 || level > 19) {
    throw new InvalidArgumentError("Expected a whole number from 1 to 19.");
  }
  return level;
}

/** Seconds on the command line, milliseconds for the command. */
export function healthTimeout() {
  return new Option("--health-timeout <seconds>", "time for containers to be healthy; 0: no check")
    .default(DEFAULT_HEALTH_TIMEOUT_MS, String(DEFAULT_HEALTH_TIMEOUT_MS / 1000))
    .argParser(parseSeconds);
}
