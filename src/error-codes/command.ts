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
    cure: "Leave one of them away, as the message says.",
  },
  "command.nothing-named": {
    kind: "usage",
    cause: "The command was not told what to work on.",
    cure: "Name it, or give `--all`.",
  },
  "command.interrupted": {
    kind: "interrupted",
    cause: "The command was ended by SIGINT, SIGTERM or SIGHUP, or at a question.",
    cure: "Run it again. `dockform doctor` shows whether anything is left to do.",
  },
  "confirm.no-terminal": {
    kind: "refused",
    cause: "The command removes data, and there is no terminal to ask on.",
    cure: "Add `--skip-confirmation` to do it without being asked.",
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
    cure: "Make room where the output goes, or see why its reader ended.",
  },
  "doctor.failed": {
    kind: "failed",
    cause:
      "Something that `dockform doctor` checks is not in order, and its own failure has no code.",
    cure: "Follow the advice that it gives for each check.",
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
    cause: "A defect of dockform.",
    cure: "Please report it with the lines that were printed.",
  },
} as const satisfies ErrorEntries;
