import type { HelperProgress } from "../../helper/reply.ts";
import type { ProgressTask, StartProgress } from "../../tools.ts";
import type { CliIo, OutputStream } from "../io.ts";
import { progressBar, progressText, type TaskState } from "./progress.ts";
import {
  clearedLines,
  coloured,
  shownLine,
  shownLines,
  shownPart,
  type ShownText,
  type Style,
} from "./shown-text.ts";
import { shortened, textWidth } from "./width.ts";

const REDRAW_MS = 100;
/** How often a task is told of where there is no terminal. */
const TELL_MS = 30_000;
/** More would push what was said before out of sight. */
const MOST_BARS = 8;
const DEFAULT_COLUMNS = 80;

/** Colours a text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

/** Colours where the stream is a terminal, or always; NO_COLOR and --no-color are obeyed. */
export function painter(stream: OutputStream, io: CliIo, colour: boolean, always = false): Paint {
  const shown = always || (stream.isTTY === true && io.env["TERM"] !== "dumb");
  const wanted = shown && colour && !io.env["NO_COLOR"];
  return (style, text) => (wanted ? coloured(style, text) : text);
}

interface RunningTask {
  readonly label: string;
  readonly startedMs: number;
  progress: HelperProgress;
}

/**
 * Standard error: lines that stay, and on a terminal a bar for each task below them, redrawn a few
 * times a second. Elsewhere a task that takes long is told of now and then.
 */
export class StatusArea {
  readonly #stream: OutputStream;
  readonly #live: boolean;
  readonly #announce: (text: string) => void;
  readonly #tasks = new Set<RunningTask>();
  #timer: NodeJS.Timeout | undefined;
  #linesDrawn = 0;
  #gaveWay = false;

  /** @param announce takes what is told of a task where there is no terminal. */
  constructor(stream: OutputStream, announce: (text: string) => void) {
    this.#stream = stream;
    this.#live = stream.isTTY === true;
    this.#announce = announce;
  }

  write(text: ShownText): void {
    this.#clear();
    this.#stream.write(text);
  }

  /** Draws nothing any more: what follows on the terminal is the result itself. */
  giveWay(): void {
    this.#clear();
    this.#gaveWay = true;
  }

  readonly startProgress: StartProgress = (label, totalBytes): ProgressTask => {
    const progress = totalBytes === undefined ? {} : { totalBytes };
    const task: RunningTask = { label: shownPart(label), startedMs: performance.now(), progress };
    this.#tasks.add(task);
    this.#timer ??= this.#live
      ? setInterval(() => this.#draw(), REDRAW_MS)
      : setInterval(() => this.#tell(), TELL_MS);
    return {
      advance: (bytes) => {
        task.progress = { ...task.progress, bytes: (task.progress.bytes ?? 0) + bytes };
      },
      report: (more) => {
        task.progress = { ...task.progress, ...more };
      },
      end: () => this.#end(task),
    };
  };

  #end(task: RunningTask): void {
    this.#tasks.delete(task);
    if (this.#tasks.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#clear();
  }

  #draw(): void {
    if (this.#gaveWay) return;
    const columns = this.#stream.columns ?? DEFAULT_COLUMNS;
    const lines = [...this.#tasks]
      .slice(0, MOST_BARS)
      .map((task) => progressBar(stateOf(task), columns));
    this.#clear();
    this.#stream.write(shownLines(lines.slice(0, -1)));
    this.#stream.write(shownLine(lines.at(-1) ?? ""));
    this.#linesDrawn = lines.length;
  }

  #tell(): void {
    for (const task of this.#tasks) {
      if (performance.now() - task.startedMs >= TELL_MS / 2) {
        this.#announce(progressText(stateOf(task)));
      }
    }
  }

  #clear(): void {
    if (this.#linesDrawn === 0) return;
    this.#stream.write(clearedLines(this.#linesDrawn - 1));
    this.#linesDrawn = 0;
  }
}

function stateOf({ label, startedMs, progress }: RunningTask): TaskState {
  return { label, elapsedMs: performance.now() - startedMs, ...progress };
}

export interface TableForm {
  /** How wide it may get; `undefined` for as wide as it is, as in a file or for another program. */
  readonly columns?: number | undefined;
  /** Columns whose cells stand on the right: numbers, ages, sizes. */
  readonly right?: readonly number[];
  /** Columns that are cut short where there is no room, in this order. */
  readonly flexible?: readonly number[];
}

const GAP = 2;
const FLEXIBLE_MIN = 8;

/**
 * Columns aligned by what is seen, lines no longer than there is room; nothing is padded at a line's end.
 *
 * @returns a line for each row.
 */
export function table(
  texts: readonly (readonly string[])[],
  form: TableForm = {},
): readonly string[] {
  const rows = texts.map((row) => row.map(shownPart));
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, textWidth(cell));
  }
  fit(widths, form);
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => padded(shortened(cell, widths[i] ?? 0), widths[i] ?? 0, form, i))
      .join(" ".repeat(GAP))
      .trimEnd();
  return rows.map(line);
}

/** Blocks of lines with an empty line between them. */
export function paragraphs(...blocks: readonly (readonly string[])[]): readonly string[] {
  return blocks.flatMap((block, i) => (i === 0 ? block : ["", ...block]));
}

/** Takes what is too much from the flexible columns, the first of them first. */
function fit(widths: number[], { columns, flexible = [] }: TableForm): void {
  if (columns === undefined) return;
  let excess = widths.reduce((sum, width) => sum + width + GAP, -GAP) - columns;
  for (const i of flexible) {
    const width = widths[i] ?? 0;
    const taken = Math.max(0, Math.min(excess, width - FLEXIBLE_MIN));
    widths[i] = width - taken;
    excess -= taken;
  }
}

function padded(cell: string, width: number, { right = [] }: TableForm, column: number): string {
  const blanks = " ".repeat(width - textWidth(cell));
  return right.includes(column) ? blanks + cell : cell + blanks;
}
