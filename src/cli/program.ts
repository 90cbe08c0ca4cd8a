import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { DockformError } from "../errors.ts";
import { ARCHIVE_FORMATS, DEFAULT_LEVEL } from "../snapshot/name.ts";
import { VERSION } from "../version.ts";
import type { ApplyOptions } from "./commands/apply.ts";
import type { DestroyOptions } from "./commands/destroy.ts";
import type { VolumeRestoreOptions } from "./commands/volume-restore.ts";
import type { VolumeSnapshotOptions } from "./commands/volume-snapshot.ts";
import type { CliIo } from "./io.ts";
import { LOG_FORMATS, LOG_LEVELS } from "./output/logger.ts";
import { errorDocument, Session, type GlobalOptions } from "./session.ts";

/**
 * Parses a command line and runs what it says.
 *
 * @returns the exit code (README.md, "Commands").
 */
export async function runProgram(argv: readonly string[], io: CliIo): Promise<number> {
  let session: Session | undefined;
  const start = (command: Command): Session => {
    session = new Session(io, command.optsWithGlobals<GlobalOptions>());
    return session;
  };
  try {
    await program(io, start).parseAsync([...argv], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return endedByCommander(io, argv, error);
    return report(io, session, error);
  }
}

/** Commander has written its own message, or the help that was asked for, to a person. */
function endedByCommander(io: CliIo, argv: readonly string[], error: CommanderError): number {
  if (error.exitCode === 0) return 0;
  const usage = new DockformError("usage", error.message.replace(/^error: /, ""), {
    hint: "Run the command with --help to see how it is used.",
  });
  // The options were not parsed to their end, so they are looked at as they are.
  if (argv.includes("--json")) io.stdout.write(`${JSON.stringify(errorDocument(usage))}\n`);
  return usage.exitCode;
}

function report(io: CliIo, session: Session | undefined, thrown: unknown): number {
  const error = asDockformError(thrown);
  if (session === undefined) {
    io.stderr.write(
      `error: ${error.message}${error.hint === undefined ? "" : `\n  ${error.hint}`}\n`,
    );
    return error.exitCode;
  }
  if (!io.signal.aborted || error === io.signal.reason) return end(session, error);
  // What an interruption made fail is told, and then the interruption itself.
  if (thrown instanceof DockformError) session.log.error(thrown);
  return end(session, asDockformError(io.signal.reason));
}

function end(session: Session, error: DockformError): number {
  session.log.error(error);
  session.failure(error);
  return error.exitCode;
}

function asDockformError(thrown: unknown): DockformError {
  if (thrown instanceof SuppressedError) return asDockformError(thrown.suppressed);
  if (thrown instanceof DockformError) return thrown;
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return new DockformError("failed", `unexpected: ${text}`, {
    hint: "This is a defect of dockform. Please report it with the lines above.",
    cause: thrown,
  });
}

type Start = (command: Command) => Session;

function program(io: CliIo, start: Start): Command {
  const root = new Command("dockform")
    .description("Declares, snapshots and restores Docker volumes.")
    .version(VERSION, "-V, --version", "print the version")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 80,
      getErrHelpWidth: () => io.stderr.columns ?? 80,
    })
    .configureHelp({ minWidthToWrap: 20 })
    .showHelpAfterError("Run the command with --help to see how it is used.")
    .option("-m, --manifest <path>", "manifest file, or folder with one")
    .addOption(new Option("-c, --config <path>", "the same as --manifest").conflicts("manifest"))
    .option("--context <name>", "docker context to work on")
    .option("--json", "print the result as one JSON document")
    .option("--no-color", "no colours (NO_COLOR does the same)")
    .addOption(choice("--log-level <level>", "lowest level of log lines", LOG_LEVELS, "info"))
    .addOption(choice("--log-format <format>", "form of log lines", LOG_FORMATS, "auto"))
    .option("--log-file <path>", "write log lines to this file, too, as JSON")
    .option("-v, --verbose", "the same as --log-level debug");
  addManifestCommands(root, start);
  addVolumeCommands(
    root.command("volume").description("List, snapshot and restore volumes."),
    start,
  );
  addDiagnosticCommands(root, start);
  return root;
}

function addManifestCommands(root: Command, start: Start): void {
  root
    .command("init")
    .description("Write a starter manifest into this folder. Never overwrites one.")
    .action(async (_options, command: Command) => {
      const { init } = await import("./commands/init.ts");
      await init(start(command));
    });
  root
    .command("validate")
    .description("Check the manifest.")
    .action(async (_options, command: Command) => {
      const { validate } = await import("./commands/validate.ts");
      await validate(start(command));
    });
  root
    .command("plan")
    .description("Show what apply would do.")
    .action(async (_options, command: Command) => {
      const { plan } = await import("./commands/plan.ts");
      await plan(start(command));
    });
  root
    .command("apply")
    .description("Create the volumes that are declared and missing.")
    .option("--skip-confirmation", "do not ask", false)
    .option("--prune", "snapshot, then remove, labelled volumes that are no longer declared", false)
    .action(async (options: ApplyOptions, command: Command) => {
      const { apply } = await import("./commands/apply.ts");
      await apply(start(command), options);
    });
  root
    .command("destroy")
    .description("Snapshot, then remove, all volumes with the manifest's label.")
    .option("--skip-confirmation", "do not ask", false)
    .option("--no-snapshot", "remove without a snapshot: what they hold is gone for good")
    .action(async (options: DestroyOptions, command: Command) => {
      const { destroy } = await import("./commands/destroy.ts");
      await destroy(start(command), options);
    });
}

function addVolumeCommands(volume: Command, start: Start): void {
  volume
    .command("list")
    .alias("ls")
    .description("Show volumes, their size, the containers using them, their newest snapshot.")
    .action(async (_options, command: Command) => {
      const { volumeList } = await import("./commands/volume-list.ts");
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
      const { volumeSnapshot } = await import("./commands/volume-snapshot.ts");
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
      const { volumeRestore } = await import("./commands/volume-restore.ts");
      await volumeRestore(start(command), name, path, options);
    });
}

function addDiagnosticCommands(root: Command, start: Start): void {
  root
    .command("doctor")
    .description("Check engine, helper image, free space and manifest, with what to do.")
    .action(async (_options, command: Command) => {
      const { doctor } = await import("./commands/doctor.ts");
      await doctor(start(command));
    });
  root
    .command("version")
    .description("Print the version.")
    .action(async (_options, command: Command) => {
      const { version } = await import("./commands/version.ts");
      await version(start(command));
    });
}

function choice(
  flags: string,
  description: string,
  values: readonly string[],
  initial: string,
): Option {
  return new Option(flags, description).choices(values).default(initial);
}

function parseLevel(text: string): number {
  const level = Number(text);
  if (!Number.isInteger(level) || level < 1 || level > 19) {
    throw new InvalidArgumentError("Expected a whole number from 1 to 19.");
  }
  return level;
}

function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  dockform ${line}`).join("\n")}`;
}
