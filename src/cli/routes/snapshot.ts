import { InvalidArgumentError, type Command } from "commander";
import { messageOf } from "../../errors.ts";
import { parseSpan } from "../../snapshot/duration.ts";
import type { SnapshotExtractOptions } from "../commands/snapshot-extract.ts";
import type { SnapshotPruneOptions } from "../commands/snapshot-prune.ts";
import type { SnapshotRemoveOptions } from "../commands/snapshot-remove.ts";
import type { SnapshotVerifyOptions } from "../commands/snapshot-verify.ts";
import type { StoreOption } from "./options.ts";
import { examples, REFERENCE, withStore, type Start } from "./options.ts";
import { addSnapshotCareCommands } from "./snapshot-care.ts";

/** `snapshot ...`. */
export function addSnapshotCommands(root: Command, start: Start): void {
  const snapshot = root
    .command("snapshot")
    .description("List, look into and look after snapshots.");
  addList(snapshot, start);
  addShow(snapshot, start);
  addFiles(snapshot, start);
  addCat(snapshot, start);
  addExtract(snapshot, start);
  addDiff(snapshot, start);
  addVerify(snapshot, start);
  addRemove(snapshot, start);
  addPrune(snapshot, start);
  addSnapshotCareCommands(snapshot, start);
}

function addList(snapshot: Command, start: Start): void {
  withStore(snapshot.command("list"))
    .alias("ls")
    .description("Show the snapshots there are, by volume, the newest first.")
    .argument("[[context/]volume]", "one volume; without, all")
    .addHelpText("after", examples("snapshot list", "snapshot list myapp_data --json"))
    .action(async (volume: string | undefined, options: StoreOption, command: Command) => {
      const { snapshotList } = await import("../commands/snapshot-list.ts");
      await snapshotList(start(command), volume, options);
    });
}

function addShow(snapshot: Command, start: Start): void {
  withStore(snapshot.command("show"))
    .description("Show all that is known of a snapshot.")
    .argument("<snapshot>", REFERENCE)
    .addHelpText("after", examples("snapshot show myapp_data@latest"))
    .action(async (reference: string, options: StoreOption, command: Command) => {
      const { snapshotShow } = await import("../commands/snapshot-show.ts");
      await snapshotShow(start(command), reference, options);
    });
}

function addFiles(snapshot: Command, start: Start): void {
  withStore(snapshot.command("files"))
    .description("List what a snapshot holds, as ls -l does. Needs no engine.")
    .argument("<snapshot>", REFERENCE)
    .argument("[path]", "only this, and what is below it")
    .addHelpText(
      "after",
      examples("snapshot files myapp_data@latest", "snapshot files myapp_data config"),
    )
    .action(
      async (
        reference: string,
        path: string | undefined,
        options: StoreOption,
        command: Command,
      ) => {
        const { snapshotFiles } = await import("../commands/snapshot-files.ts");
        await snapshotFiles(start(command), reference, path, options);
      },
    );
}

function addCat(snapshot: Command, start: Start): void {
  withStore(snapshot.command("cat"))
    .description("Print one file of a snapshot. Needs no engine.")
    .argument("<snapshot>", REFERENCE)
    .argument("<path>", "the file, as snapshot files shows it")
    .addHelpText("after", examples("snapshot cat myapp_data@2026-11-23 config/app.ini"))
    .action(async (reference: string, path: string, options: StoreOption, command: Command) => {
      const { snapshotCat } = await import("../commands/snapshot-cat.ts");
      await snapshotCat(start(command), reference, path, options);
    });
}

function addExtract(snapshot: Command, start: Start): void {
  withStore(snapshot.command("extract"))
    .description("Bring back files and folders into a folder of this machine. Needs no engine.")
    .argument("<snapshot>", REFERENCE)
    .argument("<path...>", "what to bring back, with all below it; . for everything")
    .requiredOption("-o, --output <folder>", "where to; nothing that is there is written over")
    .addHelpText(
      "after",
      examples("snapshot extract myapp_data@latest config photos/2026 -o /tmp/found"),
    )
    .action(
      async (
        reference: string,
        paths: string[],
        options: SnapshotExtractOptions,
        command: Command,
      ) => {
        const { snapshotExtract } = await import("../commands/snapshot-extract.ts");
        await snapshotExtract(start(command), reference, paths, options);
      },
    );
}

function addDiff(snapshot: Command, start: Start): void {
  withStore(snapshot.command("diff"))
    .description("Show what was added, removed and changed between two snapshots, or until now.")
    .argument("<from>", REFERENCE)
    .argument("<to>", "the same; which one of the same volume; or live: what the volume holds now")
    .addHelpText(
      "after",
      examples("snapshot diff myapp_data@latest~1 latest", "snapshot diff myapp_data@latest live"),
    )
    .action(async (from: string, to: string, options: StoreOption, command: Command) => {
      const { snapshotDiff } = await import("../commands/snapshot-diff.ts");
      await snapshotDiff(start(command), from, to, options);
    });
}

function addVerify(snapshot: Command, start: Start): void {
  withStore(snapshot.command("verify"))
    .description(
      "Read snapshots to their end and check all there is to check. Only --deep needs an engine.",
    )
    .argument("[snapshot]", `${REFERENCE}; with --all a volume`)
    .option("--all", "verify every snapshot, of the volume or of all volumes", false)
    .option("--deep", "restore each into a throw-away volume, too, and compare", false)
    .addHelpText(
      "after",
      examples(
        "snapshot verify myapp_data@latest",
        "snapshot verify myapp_data --deep",
        "snapshot verify --all",
        "snapshot verify --all myapp_data",
      ),
    )
    .action(
      async (reference: string | undefined, options: SnapshotVerifyOptions, command: Command) => {
        const { snapshotVerify } = await import("../commands/snapshot-verify.ts");
        await snapshotVerify(start(command), reference, options);
      },
    );
}

function addRemove(snapshot: Command, start: Start): void {
  withStore(snapshot.command("remove"))
    .alias("rm")
    .description("Remove snapshots, data and sidecar.")
    .argument("<snapshot...>", "volume@latest, volume@2026-11-23T02:15, or paths")
    .option("--skip-confirmation", "do not ask", false)
    .addHelpText("after", examples("snapshot remove myapp_data@2026-11-23T02:15"))
    .action(async (references: string[], options: SnapshotRemoveOptions, command: Command) => {
      const { snapshotRemove } = await import("../commands/snapshot-remove.ts");
      await snapshotRemove(start(command), references, options);
    });
}

function addPrune(snapshot: Command, start: Start): void {
  withStore(snapshot.command("prune"))
    .description("Show which snapshots some rules keep; with --delete remove the others.")
    .argument("[[context/]volume]", "one volume; without, all")
    .option("--keep-last <n>", "keep the newest n", parseCount)
    .option(
      "--keep-hourly <n>",
      "of each of the newest n hours that have any, the newest",
      parseCount,
    )
    .option("--keep-daily <n>", "the same with days", parseCount)
    .option("--keep-weekly <n>", "the same with weeks", parseCount)
    .option("--keep-monthly <n>", "the same with months", parseCount)
    .option("--keep-yearly <n>", "the same with years", parseCount)
    .option("--keep-within <span>", "keep what is not older than this: 30d, 1y5m7d2h", parseWithin)
    .option("--keep-note <regex>", "keep those whose note matches", parseRegex)
    .option("--delete", "remove what is not kept; without, nothing is touched", false)
    .option("--even-last", "allow the rules to remove the newest one of a volume", false)
    .option("--even-last-verified", "allow them to remove the last verified one", false)
    .addHelpText(
      "after",
      `\nWithout rules here those of the manifest hold: volumes.<name>.snapshot.keep.\n${examples(
        "snapshot prune myapp_data --keep-daily 7 --keep-weekly 4",
        "snapshot prune --delete",
      )}`,
    )
    .action(async (volume: string | undefined, options: SnapshotPruneOptions, command: Command) => {
      const { snapshotPrune } = await import("../commands/snapshot-prune.ts");
      await snapshotPrune(start(command), volume, options);
    });
}

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
