import type { Verdict } from "./conduct.ts";

/** `recovered`: old or new, where it does not matter which. */
type Outcome = Verdict["outcome"] | "recovered";

const COLUMNS = ["old", "new", "recovered", "lost", "missed"] as const satisfies readonly Outcome[];

/** How many faults of which kind came out how. */
export class Tally {
  readonly #counts = new Map<string, Record<Outcome, number>>();

  add(kind: string, outcome: Outcome): void {
    const counts = this.#counts.get(kind) ?? { old: 0, new: 0, recovered: 0, lost: 0, missed: 0 };
    counts[outcome] += 1;
    this.#counts.set(kind, counts);
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
    const lines = [["fault", ...COLUMNS], ...rows, ["all", ...sums]].map(([kind = "", ...cells]) =>
      [kind.padEnd(40), ...cells.map((cell) => cell.padStart(10))].join(""),
    );
    const done = this.total - this.#sum("missed");
    const lost = this.losses === 0 ? "none lost anything" : `${this.losses} LOST SOMETHING`;
    return [...lines, `${done} faults injected, ${lost}.`].join("\n");
  }

  #sum(outcome: Outcome): number {
    return [...this.#counts.values()].reduce((sum, counts) => sum + counts[outcome], 0);
  }
}
