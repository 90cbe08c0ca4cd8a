import { BoundProblem, EXTENTS_MAX } from "./bounds.ts";

/** A range of a file that holds data; all else is a hole. */
export interface Extent {
  readonly startBytes: number;
  readonly lengthBytes: number;
}

const EXTENTS_IN_PIECE = 1 << 12;

/** Ranges of one file, packed: there may be millions, and each takes 16 bytes here. */
export class ExtentList implements Iterable<Extent> {
  readonly #pieces: Float64Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @throws BoundProblem for more than any file is to have. */
  add(startBytes: number, lengthBytes: number): void {
    if (this.#length === EXTENTS_MAX) {
      throw new BoundProblem(`a sparse file has more than ${EXTENTS_MAX} parts`);
    }
    const at = (this.#length % EXTENTS_IN_PIECE) * 2;
    if (at === 0) this.#pieces.push(new Float64Array(EXTENTS_IN_PIECE * 2));
    this.#pieces.at(-1)?.set([startBytes, lengthBytes], at);
    this.#length += 1;
  }

  *[Symbol.iterator](): Generator<Extent> {
    for (let i = 0; i < this.#length; i += 1) {
      const piece = this.#pieces[Math.floor(i / EXTENTS_IN_PIECE)];
      const at = (i % EXTENTS_IN_PIECE) * 2;
      yield { startBytes: piece?.[at] ?? 0, lengthBytes: piece?.[at + 1] ?? 0 };
    }
  }
}
