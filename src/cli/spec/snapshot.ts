import { InvalidArgumentError } from "@commander-js/extra-typings";
import { messageOf } from "../../errors.ts";
import { parseSpan } from "../../snapshot/duration.ts";
import { examples, parsePlace, REFERENCE, storeOption, type OptionsOf } from "./options.ts";
import type { Group } from "./root.ts";

export function snapshotListSpec(snapshot: Group) {
  return snapshot
    .command("list")
    .alias("ls")
    .description("List snapshots by volume, the newest first.")
    .argument("[[context/]volume]", "a volume, or a pattern such as 'myapp_*'; without, all")
    .addOption(storeOption())
    .addHelpText("after", examples("snapshot list", "snapshot list myapp_data --json"));
}

export type SnapshotListOptions = OptionsOf<typeof snapshotListSpec>;

export function snapshotShowSpec(snapshot: Group) {
  return snapshot
    .command("show")
    .description("Show all that is known of a snapshot.")
    .argument("<snapshot>", REFERENCE)
    .addOption(storeOption())
    .addHelpText("after", examples("snapshot show myapp_data@latest"));
}

export type SnapshotShowOptions = OptionsOf<typeof snapshotShowSpec>;

export function snapshotFilesSpec(snapshot: Group) {
  return snapshot
    .command("files")
    .description("List what a snapshot holds, as ls -l does. Needs no engine.")
    .argument("<snapshot>", REFERENCE)
    .argument("[path]", "only this, and what is below it")
    .addOption(storeOption())
    .addHelpText(
      "after",
      examples("snapshot files myapp_data@latest", "snapshot files myapp_data config"),
    );
}

export type SnapshotFilesOptions = OptionsOf<typeof snapshotFilesSpec>;

export function snapshotCatSpec(snapshot: Group) {
  return snapshot
    .command("cat")
    .description("Print one file of a snapshot. Needs no engine.")
    .argument("<snapshot>", REFERENCE)
    .argument("<path>", "the file, as snapshot files shows it")
    .addOption(storeOption())
    .addHelpText("after", examples("snapshot cat myapp_data@2026-11-23 config/app.ini"));
}

export type SnapshotCatOptions = OptionsOf<typeof snapshotCatSpec>;

export function snapshotExtractSpec(snapshot: Group) {
  return snapshot
    .command("extract")
    .description("Extract files and folders into a folder of this machine. Needs no engine.")
    .argument("<snapshot>", REFERENCE)
    .argument("<path...>", "what to extract, with everything below it; . for everything")
    .addOption(storeOption())
    .requiredOption(
      "-o, --output <folder>",
      "the folder to extract into; nothing in it is overwritten",
      parsePlace,
    )
    .option(
      "--privileged-entries",
      "also restore setuid and setgid bits, file capabilities and devices",
      false,
    )
    .addHelpText(
      "after",
      examples("snapshot extract myapp_data@latest config photos/2026 -o /tmp/found"),
    );
}

export type SnapshotExtractOptions = OptionsOf<typeof snapshotExtractSpec>;

export function snapshotDiffSpec(snapshot: Group) {
  return snapshot
    .command("diff")
    .description(
      "Show what was added, removed and changed between two snapshots, or from one to live.",
    )
    .argument("<from>", REFERENCE)
    .argument(
      "<to>",
      "the same, or another one of the same volume, or live: what the volume holds now",
    )
    .addOption(storeOption())
    .addHelpText(
      "after",
      examples("snapshot diff myapp_data@latest~1 latest", "snapshot diff myapp_data@latest live"),
    );
}

export type SnapshotDiffOptions = OptionsOf<typeof snapshotDiffSpec>;

export function snapshotVerifySpec(snapshot: Group) {
  return snapshot
    .command("verify")
    .description("Read snapshots to the end and check everything. Only --deep needs an engine.")
    .argument("[snapshot]", `${REFERENCE}; with --all a volume, or a pattern of volumes`)
    .addOption(storeOption())
    .option("--all", "verify every snapshot, of the volume or of all volumes", false)
    .option("--deep", "also restore each into a throw-away volume, and compare", false)
    .addHelpText(
      "after",
      examples(
        "snapshot verify myapp_data@latest",
        "snapshot verify myapp_data --deep",
        "snapshot verify --all",
        "snapshot verify --all 'myapp_*'",
      ),
    );
}

export type SnapshotVerifyOptions = OptionsOf<typeof snapshotVerifySpec>;

export function snapshotRemoveSpec(snapshot: Group) {
  return snapshot
    .command("remove")
    .alias("rm")
    .description("Remove snapshots, data and sidecar.")
    .argument("<snapshot...>", "volume@latest, volume@2026-11-23T02:15, or paths")
    .addOption(storeOption())
    .option("--skip-confirmation", "do not ask", false)
    .addHelpText("after", examples("snapshot remove myapp_data@2026-11-23T02:15"));
}

export type SnapshotRemoveOptions = OptionsOf<typeof snapshotRemoveSpec>;

export function snapshotPruneSpec(snapshot: Group) {
  return snapshot
    .command("prune")
    .description("Show which snapshots some rules keep; with --delete remove the others.")
    .argument("[[context/]volume]", "a volume, or a pattern such as 'myapp_*'; without, all")
    .addOption(storeOption())
    .option("--keep-last <n>", "keep the newest n", parseCount)
    .option(
      "--keep-hourly <n>",
      "keep the newest of each of the last n hours that have any",
      parseCount,
    )
    .option(
      "--keep-daily <n>",
      "keep the newest of each of the last n days that have any",
      parseCount,
    )
    .option(
      "--keep-weekly <n>",
      "keep the newest of each of the last n weeks that have any",
      parseCount,
    )
    .option(
      "--keep-monthly <n>",
      "keep the newest of each of the last n months that have any",
      parseCount,
    )
    .option(
      "--keep-yearly <n>",
      "keep the newest of each of the last n years that have any",
      parseCount,
    )
    .option(
      "--keep-within <span>",
      "keep those that are no older than this: 30d, 1y5m7d2h",
      parseWithin,
    )
    .option("--keep-note <regex>", "keep those whose note matches", parseRegex)
    .option("--delete", "remove the others; without it, nothing is removed", false)
    .option("--even-last", "allow the rules to remove the newest snapshot of a volume", false)
    .option("--even-last-verified", "allow the rules to remove the last verified snapshot", false)
    .addHelpText(
      "after",
      `\nWithout rules here, those of the manifest apply: volumes.<name>.snapshot.keep.\n${examples(
        "snapshot prune myapp_data --keep-daily 7 --keep-weekly 4",
        "snapshot prune --delete",
      )}`,
    );
}

export type SnapshotPruneOptions = OptionsOf<typeof snapshotPruneSpec>;

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text))
    throw new InvalidArgumentError("Expected a whole number from 1.");
  return Number(text);
}

function parseWithin(text: string): string {
  if (parseSpan(text) !== undefined) return text;
  throw new InvalidArgumentError("Expected a span like 30d or 1y5m7d2h.");
}

function parseRegex(text: string): string {
  try {
    new RegExp(text).test("");
    return text;
  } catch (error) {
    throw new InvalidArgumentError(messageOf(error));
  }
}
