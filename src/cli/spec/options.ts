import { InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { nearest } from "../../nearest.ts";

/**
 * The options that a command's action is given, by what its spec says: a flag that is renamed there
 * is one that the command does not know any more, and the other way about.
 */
export type OptionsOf<Spec extends (...parent: never) => { opts(): object }> = Readonly<
  ReturnType<ReturnType<Spec>["opts"]>
>;

/** An option that takes one of some words. */
export function choice<const Flags extends string, const Word extends string>(
  flags: Flags,
  description: string,
  values: readonly Word[],
  initial: Word,
) {
  return new Option(flags, description).choices(values).default(initial);
}

/** For monitoring. */
export function checkOption() {
  return new Option(
    "--check",
    "end with exit code 6 when a declared volume has no snapshot that is fresh enough",
  ).default(false);
}

/** Another store than the manifest's. */
export function storeOption() {
  return new Option(
    "--store <folder>",
    "where snapshots are kept (without: as the manifest says, or .dockform/snapshots beside it)",
  ).argParser(parseStore);
}

/** A folder; a URL is to name another kind of store, and a shell may have left a ~ as it is. */
export function parseStore(text: string): string {
  if (/^(?:[a-z][a-z\d+.-]*:\/\/|~(?:\/|$))/i.test(text)) {
    throw new InvalidArgumentError("Expected a folder.");
  }
  return parsePlace(text);
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

/** Reads a path or a name: an empty one, of a variable that is not set, would stand for the current folder. */
export function parsePlace(text: string): string {
  if (text.trim() !== "") return text;
  throw new InvalidArgumentError("It is empty: is a variable not set?");
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
