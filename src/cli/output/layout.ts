import type { OutputStream } from "../io.ts";
import { shownPart } from "./shown-text.ts";
import { textWidth } from "./width.ts";

const DEFAULT_COLUMNS = 80;
/** How much further in the second line of something begins than the first. */
const HANG = 2;

/** How wide a stream is; `undefined` where it is no terminal: lines are whole there, whoever reads them. */
export function columnsOf({ isTTY, columns }: OutputStream): number | undefined {
  if (isTTY !== true) return undefined;
  // A terminal of no size is one that does not say it.
  return columns === undefined || columns === 0 ? DEFAULT_COLUMNS : columns;
}

/**
 * Lines as they stand on a terminal: those that are too long go on below, further in, at the end of a word. A command
 * that has a line of its own goes on after `\`, as a shell takes it.
 *
 * @param columns `undefined` leaves lines as they are.
 * @param hang how much further in a line goes on.
 */
export function laidOut(
  lines: readonly string[],
  columns: number | undefined,
  hang: number = HANG,
): readonly string[] {
  if (columns === undefined) return lines;
  return lines.flatMap((line) => {
    const indent = /^ */.exec(line)?.[0] ?? "";
    const text = line.slice(indent.length);
    if (COMMAND.test(text)) return commandLines(text, columns, indent);
    return wrapped(text, { columns, first: indent, rest: indent.length + hang });
  });
}

export interface Wrapping {
  readonly columns: number;
  /** What stands before the text in its first line. */
  readonly first: string;
  /** How many blanks stand before the text in the lines after. */
  readonly rest: number;
}

/**
 * A text in lines that end at the end of words. What is copied in one piece stays in one: a path, a quoted word, a
 * command in backticks. One that is longer than a line has a line of its own, which the terminal breaks.
 */
export function wrapped(text: string, { columns, first, rest }: Wrapping): readonly string[] {
  const shown = shownPart(text);
  const whole = shownPart(first) + shown;
  if (textWidth(whole) <= columns) return [whole];
  const flow = new Flow(columns, shownPart(first), rest);
  for (const { gap, unit } of unitsOf(shown)) {
    if (textWidth(unit) <= columns - rest) flow.add(gap, unit);
    else addLong(flow, gap, unit, rest);
  }
  return flow.end();
}

/** What a text needs to be laid out well: its longest piece that is not broken. */
export function widestUnit(text: string): number {
  return Math.max(0, ...unitsOf(shownPart(text)).map(({ unit }) => textWidth(unit)));
}

function addLong(flow: Flow, gap: string, unit: string, rest: number): void {
  const command = IN_BACKTICKS.exec(unit)?.[1];
  if (command !== undefined && COMMAND.test(command)) {
    flow.insert(commandLines(command, flow.columns, " ".repeat(rest + HANG)));
    return;
  }
  let before = gap;
  for (const word of unit.startsWith("`") ? unit.split(" ") : [unit]) {
    flow.add(before, word);
    before = " ";
  }
}

/** Programs whose commands messages show. */
const COMMAND = /^(?:dockform|docker) /;
/** What stands after a command was of the sentence that it interrupts. */
const IN_BACKTICKS = /^`([^`]+)`[.,:;]?$/;
/** What is not broken, and the blanks before it: `0.42 s` is one, too. */
const UNIT =
  /(\s*)((?:`[^`]*`|(?<![^\s(])\d[\d.,]* (?:[kMGTP]?B|m?s|min|h)(?!\w)|\\.|(?<!\w)'[^']*'(?=[\s.,;:)\\]|$)|\S)+)/gu;

function unitsOf(text: string): readonly { readonly gap: string; readonly unit: string }[] {
  return [...text.matchAll(UNIT)].map(([, gap = "", unit = ""]) => ({ gap, unit }));
}

/** A command in lines that a shell takes as one. */
function commandLines(command: string, columns: number, indent: string): readonly string[] {
  const whole = indent + shownPart(command);
  if (textWidth(whole) <= columns) return [whole];
  const room = columns - CONTINUED.length;
  const flow = new Flow(room, indent, indent.length + 2 * HANG);
  for (const [word] of shownPart(command).matchAll(/(?:\\.|'[^']*'|\S)+/gu)) flow.add(" ", word);
  const lines = flow.end();
  return lines.map((line, i) => (i < lines.length - 1 ? line + CONTINUED : line));
}

const CONTINUED = " \\";

/** Fills lines. */
class Flow {
  readonly columns: number;
  readonly #rest: number;
  readonly #lines: string[] = [];
  #line: string;
  #width: number;
  #isEmpty = true;

  constructor(columns: number, first: string, rest: number) {
    this.columns = columns;
    this.#rest = rest;
    this.#line = first;
    this.#width = textWidth(first);
  }

  /** A unit that stands after a gap, unless it begins a line. */
  add(gap: string, unit: string): void {
    const unitWidth = textWidth(unit);
    const before = this.#isEmpty ? "" : gap;
    if (this.#width + before.length + unitWidth <= this.columns) {
      this.#put(before + unit, before.length + unitWidth);
      return;
    }
    // Nothing but blanks may stand before a first word: it needs them.
    if (!this.#isEmpty || this.#line.trim() !== "") this.#break();
    const indent = Math.max(0, Math.min(this.#rest, this.columns - unitWidth));
    this.#line = " ".repeat(indent);
    this.#width = indent;
    this.#put(unit, unitWidth);
  }

  /** Lines that stand between what was added and what will be. */
  insert(lines: readonly string[]): void {
    if (!this.#isEmpty || this.#line.trim() !== "") this.#break();
    this.#lines.push(...lines);
  }

  end(): readonly string[] {
    return this.#isEmpty ? this.#lines : [...this.#lines, this.#line];
  }

  #put(text: string, width: number): void {
    this.#line += text;
    this.#width += width;
    this.#isEmpty = false;
  }

  #break(): void {
    this.#lines.push(this.#line.trimEnd());
    this.#line = " ".repeat(this.#rest);
    this.#width = this.#rest;
    this.#isEmpty = true;
  }
}
