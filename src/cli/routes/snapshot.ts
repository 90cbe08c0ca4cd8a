import type { Command } from "commander";
import type { SnapshotVerifyOptions } from "../commands/snapshot-verify.ts";
import type { StoreOption } from "../snapshot-store.ts";
import { examples, type Start } from "./options.ts";

/** `snapshot ...`. */
export function addSnapshotCommands(root: Command, start: Start): void {
  const snapshot = root
    .command("snapshot")
    .description("List, look into and look after snapshots.");
  addList(snapshot, start);
  addShow(snapshot, start);
  addVerify(snapshot, start);
}

const REFERENCE =
  "volume@latest, volume@latest~1, volume@2026-11-23, or a path; a volume alone: its latest";

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

function addVerify(snapshot: Command, start: Start): void {
  withStore(snapshot.command("verify"))
    .description("Read snapshots to their end and check all there is to check. Needs no engine.")
    .argument("[snapshot]", `${REFERENCE}; with --all a volume`)
    .option("--all", "verify every snapshot, of the volume or of all volumes", false)
    .addHelpText(
      "after",
      examples(
        "snapshot verify myapp_data@latest",
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

function withStore(command: Command): Command {
  return command.option(
    "--store <folder>",
    "where snapshots are kept (.dockform/snapshots by the manifest)",
  );
}
