import { InvalidArgumentError, Option, type Command } from "commander";
import { nearest } from "../../manifest/suggest.ts";
import type { Session } from "../session.ts";

/** Begins a command: reads the flags that all commands take. */
export type Start = (command: Command) => Session;

/** An option that takes one of some words. */
export function choice(
  flags: string,
  description: string,
  values: readonly string[],
  initial: string,
): Option {
  return new Option(flags, description).choices(values).default(initial);
}

/** What {@link checkOption} adds. */
export interface CheckOption {
  /** End with an exit code of its own when a volume wants attention. */
  readonly check: boolean;
}

/** For monitoring. */
export function checkOption(): Option {
  return new Option(
    "--check",
    "end with exit code 6 when a declared volume has no snapshot that is fresh enough",
  ).default(false);
}

/** The end of a command's help. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  dockform ${line}`).join("\n")}`;
}

/** Reads whole seconds, to milliseconds. */
export function parseSeconds(text: string): number {
  if (!/^\d{1,5}$/.test(text)) {
    throw new InvalidArgumentError("Expected a whole number of seconds.");
  }
  return Number(text) * 1000;
}

/** Reads some of a few words, with commas between them. */
export function parseList<Word extends string>(
  text: string,
  words: readonly Word[],
): readonly Word[] {
  return text.split(",").map((typed) => {
    const word = words.find((each) => each === typed.trim());
    if (word !== undefined) return word;
    const meant = nearest(typed.trim(), words);
    throw new InvalidArgumentError(
      `"${typed}" is not one of ${words.join(", ")}.${meant === undefined ? "" : ` Did you mean "${meant}"?`}`,
    );
  });
}

/** How a command line names a snapshot. */
export const REFERENCE =
  "volume@latest, volume@latest~1, volume@2026-11-23, or a path; a volume alone: its latest";

/** What {@link withStore} adds. */
export interface StoreOption {
  readonly store?: string;
}

export function withStore(command: Command): Command {
  return command.option(
    "--store <folder>",
    "where snapshots are kept (.dockform/snapshots by the manifest)",
  );
}
