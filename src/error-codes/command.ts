import type { ErrorEntries } from "./entry.ts";

/** The command line, and the program as a whole. */
export const COMMAND_ERRORS = {
  "command.invalid": {
    kind: "usage",
    cause: "The command line has an unknown command or option, or lacks something.",
    cure: "Run the command with `--help`.",
  },
  "command.options-conflict": {
    kind: "usage",
    cause: "Options were given that do not go together.",
    cure: "Omit one of them, as the message says.",
  },
  "command.nothing-named": {
    kind: "usage",
    cause: "The command line does not say what to work on.",
    cure: "Name it, or give `--all`.",
  },
  "command.interrupted": {
    kind: "interrupted",
    cause: "The command was ended by SIGINT, SIGTERM or SIGHUP, or by Ctrl-C at a question.",
    cure: "The message says what is in place, where that is known. Run it again. `dockform doctor` shows whether anything is left to do.",
  },
  "confirm.no-terminal": {
    kind: "refused",
    cause: "The command removes data, and there is no terminal to ask for confirmation.",
    cure: "Add `--skip-confirmation` to do it without confirmation.",
  },
  "confirm.declined": {
    kind: "refused",
    cause: "The question was not answered with the word it asks for.",
    cure: "Run the command again and type that word.",
  },
  "log.unwritable": {
    kind: "usage",
    cause: "The log file cannot be opened for writing.",
    cure: "Name another file with `--log-file`.",
  },
  "output.unwritable": {
    kind: "failed",
    cause: "Standard output cannot be written to. What the command did is done.",
    cure: "Free some space where the output is written, or find out why its reader ended.",
  },
  "doctor.failed": {
    kind: "failed",
    cause: "`dockform doctor` found a problem that has no code of its own.",
    cure: "Follow the advice beside each check.",
  },
  "doctor.interrupted-operation": {
    kind: "failed",
    cause: "`dockform doctor` found an operation on a volume that was cut short.",
    cure: "Run `dockform volume recover` for that volume.",
  },
  "prune.no-rules": {
    kind: "usage",
    cause: "Neither the command nor the manifest says which snapshots to keep.",
    cure: "Give rules as in `--keep-daily 7`, or write them into the manifest.",
  },
  "internal.unexpected": {
    kind: "failed",
    cause: "A bug in dockform.",
    cure: "Please report it with the lines that were printed.",
  },
} as const satisfies ErrorEntries;
