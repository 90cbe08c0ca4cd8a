import { styleText } from "node:util";
import { formatBytes } from "../../format.ts";
import type { ProgressTask, StartProgress } from "../../volume/tools.ts";
import type { CliIo, OutputStream } from "../io.ts";
import { shortened, textWidth } from "./width.ts";

type Style = Parameters<typeof styleText>[0];

const REDRAW_MS = 100;
const DEFAULT_COLUMNS = 80;

/** Colours a text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

/** Colours where the stream is a terminal, or always; NO_COLOR and --no-color are obeyed. */
export function painter(stream: OutputStream, io: CliIo, colour: boolean, always = false): Paint {
  const shown = always || (stream.isTTY === true && io.env["TERM"] !== "dumb");
  const wanted = shown && colour && !io.env["NO_COLOR"];
  return (style, text) => (wanted ? styleText(style, text, { validateStream: false }) : text);
}

interface RunningTask {
  readonly label: string;
  readonly totalBytes: number | undefined;
  readonly startedMs: number;
  bytes: number;
}

/**
 * Standard error: lines that stay, and on a terminal one line of progress below them that is
 * redrawn a few times a second.
 */
export class StatusArea {
  readonly #stream: OutputStream;
  readonly #live: boolean;
  readonly #tasks = new Set<RunningTask>();
  #timer: NodeJS.Timeout | undefined;
  #drawn = false;

  constructor(stream: OutputStream) {
    this.#stream = stream;
    this.#live = stream.isTTY === true;
  }

  line(text: string): void {
    this.#clear();
    this.#stream.write(`${text}\n`);
  }

  readonly startProgress: StartProgress = (label, totalBytes): ProgressTask => {
    const task: RunningTask = { label, totalBytes, startedMs: performance.now(), bytes: 0 };
    this.#tasks.add(task);
    if (this.#live) this.#timer ??= setInterval(() => this.#draw(), REDRAW_MS);
    return {
      advance: (bytes) => {
        task.bytes += bytes;
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
    const text = [...this.#tasks].map(describeTask).join("   ");
    const columns = this.#stream.columns ?? DEFAULT_COLUMNS;
    this.#stream.write(`\r\u001B[2K${text.slice(0, columns - 1)}`);
    this.#drawn = true;
  }

  #clear(): void {
    if (this.#drawn) this.#stream.write("\r\u001B[2K");
    this.#drawn = false;
  }
}

function describeTask({ label, totalBytes, startedMs, bytes }: RunningTask): string {
  const seconds = (performance.now() - startedMs) / 1000;
  const rate = `${formatBytes(bytes / Math.max(seconds, 0.001))}/s`;
  if (totalBytes === undefined || totalBytes === 0)
    return `${label}: ${formatBytes(bytes)}, ${rate}`;
  const percent = Math.min(100, Math.floor((bytes / totalBytes) * 100));
  return `${label}: ${percent} % of ${formatBytes(totalBytes)}, ${rate}`;
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
 * Empty rows give an empty text.
 */
export function table(rows: readonly (readonly string[])[], form: TableForm = {}): string {
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
  return rows.map(line).join("\n");
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
