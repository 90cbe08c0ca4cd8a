import { widestUnit, wrapped } from "./layout.ts";
import { shownPart } from "./shown-text.ts";
import { shortened, shortenedInMiddle, textWidth } from "./width.ts";

export interface TableForm {
  /** How wide it may get; `undefined` for as wide as it is, as in a file or for another program. */
  readonly columns?: number | undefined;
  /** Columns whose cells stand on the right: numbers, ages, sizes. */
  readonly right?: readonly number[];
  /** Columns that are cut short where there is no room, in this order. */
  readonly flexible?: readonly number[];
  /** Columns of names, which are cut in their middle where that is not enough. */
  readonly names?: readonly number[];
  /** Columns that are left out where even that is not enough, in this order; the first row has their titles. */
  readonly droppable?: readonly number[];
  /** Whether the last column goes on in lines below, at the end of a word. */
  readonly wraps?: boolean;
}

const GAP = 2;
const FLEXIBLE_MIN = 8;
const NAME_MIN = 20;
/** Text in less room than this is better read below the line. */
const WRAPPED_MIN = 24;
const BELOW_INDENT = 4;

/**
 * Columns aligned by what is seen, lines no longer than there is room; nothing is padded at a line's end.
 *
 * @returns the lines of each row: one, or more where its last column goes on.
 */
export function tableRows(
  texts: readonly (readonly string[])[],
  form: TableForm = {},
): readonly (readonly string[])[] {
  const rows = texts.map((row) => row.map(shownPart));
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, textWidth(cell));
  }
  const dropped = fit(widths, form);
  return rows.map((row) => rowLines(row, widths, dropped, form));
}

/** The same as the lines of all rows. */
export function table(...about: Parameters<typeof tableRows>): readonly string[] {
  return tableRows(...about).flat();
}

/**
 * Makes columns narrower until a line has room.
 *
 * @returns those that are left out.
 */
function fit(widths: number[], form: TableForm): ReadonlySet<number> {
  const { columns, flexible = [], names = [], droppable = [], wraps = false } = form;
  const dropped = new Set<number>();
  if (columns === undefined) return dropped;
  const last = widths.length - 1;
  const excess = (): number =>
    widths.reduce((sum, width, i) => {
      if (dropped.has(i)) return sum;
      return sum + GAP + (wraps && i === last ? Math.min(width, WRAPPED_MIN) : width);
    }, -GAP) - columns;
  const narrow = (which: readonly number[], least: number): void => {
    for (const i of which) {
      const width = widths[i] ?? 0;
      widths[i] = width - Math.max(0, Math.min(excess(), width - least));
    }
  };
  narrow(flexible, FLEXIBLE_MIN);
  const natural = [...widths];
  for (const next of [...droppable, undefined]) {
    widths.splice(0, widths.length, ...natural);
    narrow(names, NAME_MIN);
    if (excess() <= 0 || next === undefined) break;
    dropped.add(next);
  }
  return dropped;
}

function rowLines(
  row: readonly string[],
  widths: readonly number[],
  dropped: ReadonlySet<number>,
  form: TableForm,
): readonly string[] {
  const { columns, wraps = false, names = [] } = form;
  const last = widths.length - 1;
  const isWrapped = wraps && columns !== undefined;
  const cells = row.flatMap((cell, i) => {
    if (dropped.has(i) || (isWrapped && i === last)) return [];
    const width = widths[i] ?? 0;
    const cut = names.includes(i) ? shortenedInMiddle(cell, width) : shortened(cell, width);
    return [padded(cut, width, form, i)];
  });
  const line = cells.join(" ".repeat(GAP));
  return isWrapped ? withWrapped(line, row[last] ?? "", columns) : [line.trimEnd()];
}

/** The last cell beside what stands before it, or below where there is too little room. */
function withWrapped(before: string, cell: string, columns: number): readonly string[] {
  if (cell === "") return [before.trimEnd()];
  const first = before === "" ? "" : before + " ".repeat(GAP);
  const start = textWidth(first);
  const needed = Math.max(WRAPPED_MIN, widestUnit(cell));
  const hasRoom = columns - start >= Math.min(needed, textWidth(cell));
  if (hasRoom) return wrapped(cell, { columns, first, rest: start });
  const indent = " ".repeat(BELOW_INDENT);
  return [before.trimEnd(), ...wrapped(cell, { columns, first: indent, rest: BELOW_INDENT })];
}

/** Blocks of lines with an empty line between them. */
export function paragraphs(...blocks: readonly (readonly string[])[]): readonly string[] {
  return blocks.flatMap((block, i) => (i === 0 ? block : ["", ...block]));
}

function padded(cell: string, width: number, { right = [] }: TableForm, column: number): string {
  const blanks = " ".repeat(width - textWidth(cell));
  return right.includes(column) ? blanks + cell : cell + blanks;
}
