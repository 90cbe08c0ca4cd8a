import type { Verdict } from "./verdict.ts";

/** `recovered`: old or new, where it does not matter which. */
type Outcome = Verdict["outcome"] | "recovered";

const COLUMNS = [
  "old",
  "new",
  "recovered",
  "lost",
  "unstartable",
  "missed",
] as const satisfies readonly Outcome[];

const NONE: Readonly<Record<Outcome, number>> = {
  old: 0,
  new: 0,
  recovered: 0,
  lost: 0,
  unstartable: 0,
  missed: 0,
};

/** How many faults of which kind came out how. */
export class Tally {
  readonly #counts = new Map<string, Readonly<Record<Outcome, number>>>();

  add(kind: string, outcome: Outcome): void {
    const counts = this.#counts.get(kind) ?? NONE;
    this.#counts.set(kind, { ...counts, [outcome]: counts[outcome] + 1 });
  }

  get losses(): number {
    return this.#sum("lost");
  }

  get total(): number {
    return COLUMNS.reduce((total, outcome) => total + this.#sum(outcome), 0);
  }

  /** A line for each kind, and the sums. Faults that came too late are not among those done. */
  table(): string {
    const rows = [...this.#counts]
      .toSorted(([one], [other]) => one.localeCompare(other))
      .map(([kind, counts]) => [kind, ...COLUMNS.map((outcome) => String(counts[outcome]))]);
    const sums = COLUMNS.map((outcome) => String(this.#sum(outcome)));
    const table = [["fault", ...COLUMNS], ...rows, ["all", ...sums]];
    const kindWidth = Math.max(...table.map(([kind = ""]) => kind.length));
    const cellWidth = 2 + Math.max(...COLUMNS.map((column) => column.length));
    const lines = table.map(([kind = "", ...cells]) =>
      [kind.padEnd(kindWidth), ...cells.map((cell) => cell.padStart(cellWidth))].join(""),
    );
    const done = this.total - this.#sum("missed") - this.#sum("unstartable");
    const lost = this.losses === 0 ? "none lost anything" : `${this.losses} LOST SOMETHING`;
    return [...lines, `${done} faults injected, ${lost}.`, ...this.#unstartable()].join("\n");
  }

  #unstartable(): readonly string[] {
    const count = this.#sum("unstartable");
    if (count === 0) return [];
    return [
      `${count} more left a container that the engine can start for nobody; the command said so.`,
    ];
  }

  #sum(outcome: Outcome): number {
    return [...this.#counts.values()].reduce((sum, counts) => sum + counts[outcome], 0);
  }
}
