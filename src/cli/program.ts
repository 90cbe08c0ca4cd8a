import { CommanderError, Help, type Option } from "@commander-js/extra-typings";
import { DockformError } from "../errors.ts";
import { adviceLines } from "./advice.ts";
import { Call } from "./call.ts";
import { refuseUnknownCommands } from "./did-you-mean.ts";
import { asDockformError } from "./failures.ts";
import type { CliIo } from "./io.ts";
import { columnsOf, laidOut } from "./output/layout.ts";
import { messageLines } from "./output/logger.ts";
import { ownText, shownJson, shownLines } from "./output/shown-text.ts";
import { WatchedOutput } from "./output/standard-output.ts";
import { addCommands } from "./routes/all.ts";
import { errorDocument, Session, type Start } from "./session.ts";
import { rootSpec, type RootCommand } from "./spec/root.ts";

/**
 * Parses a command line and runs what it says.
 *
 * @returns the exit code (README.md, "Commands").
 */
export async function runProgram(argv: readonly string[], io: CliIo): Promise<number> {
  const output = new WatchedOutput(io.stdout);
  let session: Session | undefined;
  const start: Start = (command) => {
    session = new Session(io, argv, command);
    return session;
  };
  try {
    await program(io, start)
      .parseAsync([...argv], { from: "user" })
      .catch(unlessHelp);
    await output.end();
    throwOnDefect(io.interruption.signal);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return endedByCommander(io, argv, error);
    return report(io, argv, session, error);
  }
}

/** Help that was asked for ends a command by an error, too. */
function unlessHelp(error: unknown): void {
  if (!(error instanceof CommanderError) || error.exitCode !== 0) throw error;
}

/** An error that nobody awaited; the command itself may not have asked for it. */
function throwOnDefect({ reason }: AbortSignal): void {
  if (reason instanceof DockformError && reason.kind === "failed") throw reason;
}

/** Commander has written its own message to a person. */
function endedByCommander(io: CliIo, argv: readonly string[], error: CommanderError): number {
  const usage = new DockformError("command.invalid", error.message.replace(/^error: /, ""), {
    hint: "Run the command with --help to see how it is used.",
  });
  writeDocument(io, argv, usage);
  return usage.exitCode;
}

/** Of an error before the options were parsed to their end, so they are looked at as they are. */
function writeDocument(io: CliIo, argv: readonly string[], error: DockformError): void {
  if (argv.includes("--json")) io.stdout.write(shownJson(errorDocument(error, new Call([])), 2));
}

function report(
  io: CliIo,
  argv: readonly string[],
  session: Session | undefined,
  thrown: unknown,
): number {
  const error = asDockformError(thrown);
  if (session === undefined) {
    const columns = columnsOf(io.stderr);
    const advice = adviceLines(error, new Call([]));
    io.stderr.write(shownLines(messageLines("error: ", error.lines, advice, columns)));
    writeDocument(io, argv, error);
    return error.exitCode;
  }
  const { signal } = io.interruption;
  return session.endWith(signal.aborted ? afterAbort(session, signal, thrown) : error);
}

/** What an interruption made fail is told, and then the interruption itself is the error. */
function afterAbort(session: Session, { reason }: AbortSignal, thrown: unknown): DockformError {
  const cause = asDockformError(reason);
  if (thrown === reason || isAbortError(thrown)) {
    return cause.kind === "interrupted" ? session.interruptionOver() : cause;
  }
  if (!(thrown instanceof DockformError)) return cause;
  if (thrown.kind === "interrupted") return thrown;
  session.log.error(thrown);
  return cause;
}

function isAbortError(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === "AbortError";
}

/** That a flag which is not given is not given goes without saying. */
function withoutFalse(option: Option): string {
  return new Help().optionDescription(option).replace(" (default: false)", "");
}

/** Where no terminal says how wide it is. */
const HELP_COLUMNS = 80;

function laidOutText(text: string, columns: number | undefined): string {
  return laidOut(text.split("\n"), columns).join("\n");
}

function program(io: CliIo, start: Start): RootCommand {
  const root = rootSpec()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(ownText(laidOutText(text, columnsOf(io.stdout)))),
      writeErr: (text) => io.stderr.write(ownText(laidOutText(text, columnsOf(io.stderr)))),
      getOutHelpWidth: () => columnsOf(io.stdout) ?? HELP_COLUMNS,
      getErrHelpWidth: () => columnsOf(io.stderr) ?? HELP_COLUMNS,
    })
    .configureHelp({ minWidthToWrap: 20, optionDescription: withoutFalse })
    .showHelpAfterError("Run the command with --help to see how it is used.");
  addCommands(root, start);
  refuseUnknownCommands(root);
  return root;
}
