import { DockformError } from "../errors.ts";
import type { Range, SourceText } from "./source.ts";

/** Something wrong in a manifest, and where. */
export interface Problem {
  readonly range: Range;
  readonly message: string;
  /** The name that was probably meant. */
  readonly suggestion?: string;
}

const WIDTH = 80;
const MOST_SHOWN = 20;
const LONGEST_QUOTE = 40;

/** Text from a manifest as it may stand in a message: in quotes, short, free of control characters. */
export function quoted(text: string): string {
  const characters = Array.from(visible(text));
  const short =
    characters.length <= LONGEST_QUOTE
      ? characters
      : [...characters.slice(0, LONGEST_QUOTE - 1), "…"];
  return `"${short.join("")}"`;
}

/** The end of a message that names what was probably meant; empty without a suggestion. */
export function didYouMean(suggestion: string | undefined): string {
  return suggestion === undefined ? "" : `; did you mean ${quoted(suggestion)}?`;
}

/** One error for all the problems, in the order of the file and each of them once. */
export function manifestError(
  source: SourceText,
  problems: readonly Problem[],
  hint: string | undefined,
): DockformError {
  const ordered = distinct(problems);
  const shown = ordered.slice(0, MOST_SHOWN).flatMap((problem) => describe(source, problem));
  if (ordered.length > 1) shown.unshift(`${ordered.length} problems in ${source.file}`);
  if (ordered.length > MOST_SHOWN) shown.push(`and ${ordered.length - MOST_SHOWN} more`);
  return new DockformError("manifest.invalid", shown.join("\n"), {
    lines: shown,
    ...(hint === undefined ? {} : { hint }),
    data: { problems: ordered.map((problem) => facts(source, problem)) },
  });
}

function distinct(problems: readonly Problem[]): readonly Problem[] {
  const byPlace = new Map(
    problems.map((problem) => [`${problem.range.start} ${problem.message}`, problem]),
  );
  return [...byPlace.values()].toSorted((a, b) => a.range.start - b.range.start);
}

function facts(source: SourceText, problem: Problem): Readonly<Record<string, unknown>> {
  return {
    ...source.position(problem.range.start),
    message: problem.message,
    text: source.firstLine(problem.range),
    ...(problem.suggestion === undefined ? {} : { suggestion: problem.suggestion }),
  };
}

function describe(source: SourceText, problem: Problem): readonly string[] {
  const { line, column } = source.position(problem.range.start);
  const head = `${source.file}:${line}:${column}: ${problem.message}`;
  const text = source.line(line);
  if (text.trim() === "" || problem.range.start === problem.range.end) return [head];
  const gutter = `  ${line} | `;
  const before = Array.from(text.slice(0, column - 1)).length;
  const length = Math.max(1, Array.from(source.firstLine(problem.range)).length);
  const view = window(Array.from(visible(text)), before, length, WIDTH - gutter.length);
  return [
    head,
    `${gutter}${view.text}`,
    `${" ".repeat(gutter.length - 2)}| ${" ".repeat(view.before)}${"^".repeat(view.length)}`,
  ];
}

/** The part of a long line that shows where the offending text starts. */
function window(
  characters: readonly string[],
  before: number,
  length: number,
  width: number,
): { readonly text: string; readonly before: number; readonly length: number } {
  if (characters.length <= width) return { text: characters.join(""), before, length };
  const wanted = before + length < width ? 0 : before - Math.floor(width / 4);
  const start = Math.min(Math.max(0, wanted), characters.length - width);
  const part = characters.slice(start, start + width);
  if (start > 0) part[0] = "…";
  if (start + width < characters.length) part[width - 1] = "…";
  const visibleLength = Math.min(length, width - (before - start));
  return { text: part.join(""), before: before - start, length: visibleLength };
}

/** Text without characters that would move the cursor or hide others, one for one. */
function visible(text: string): string {
  return text.replaceAll("\t", " ").replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, "\uFFFD");
}
