import { BoundProblem, EXTENTS_MAX } from "./bounds.ts";
import { ExtentList } from "./extents.ts";
import { HeaderProblem, sizeNumber } from "./header.ts";
import { BLOCK_BYTES, type TarInput } from "./input.ts";
import type { PaxFields } from "./pax-fields.ts";

/** A file with holes: how large it is, and where its data goes. */
export interface SparseMap {
  readonly sizeBytes: number;
  readonly extents: ExtentList;
}

const OLD_GNU_EXTENTS = 4;
const OLD_GNU_EXTENTS_MORE = 21;
const EXTENT_BYTES = 24;

/** GNU's own format (type S): the map is in the header, and in blocks that follow it. */
export async function readOldGnuMap(header: Buffer, input: TarInput): Promise<SparseMap> {
  const sizeBytes = sizeNumber(header, 483);
  const extents = new ExtentList();
  // All of the header first: its memory may be used again for the next block.
  addOldGnuExtents(extents, header, 386, OLD_GNU_EXTENTS);
  let more = header[482] === 1;
  while (more) {
    const block = await input.take(BLOCK_BYTES);
    addOldGnuExtents(extents, block, 0, OLD_GNU_EXTENTS_MORE);
    more = block[504] === 1;
  }
  return { sizeBytes, extents };
}

function addOldGnuExtents(extents: ExtentList, block: Buffer, offset: number, count: number): void {
  for (let i = 0; i < count; i += 1) {
    const at = offset + i * EXTENT_BYTES;
    // What is not used is zero from its first byte on.
    if (block[at] === 0) return;
    extents.add(sizeNumber(block, at), sizeNumber(block, at + EXTENT_BYTES / 2));
  }
}

/** GNU's formats 0.0 and 0.1, whose map is in the extended header; `undefined` without one. */
export function paxMap(fields: PaxFields): SparseMap | undefined {
  const sizeBytes = fields.number("GNU.sparse.size");
  if (sizeBytes === undefined) return undefined;
  const map = fields.bytes("GNU.sparse.map");
  return { sizeBytes, extents: map === undefined ? fields.extents() : listedExtents(map) };
}

const COMMA = 44;

/** Numbers with commas between them, a place and a length in turns: at least one. */
function listedExtents(map: Buffer): ExtentList {
  const extents = new ExtentList();
  let at = 0;
  const next = (): number => {
    if (at > map.length) return Number.NaN;
    const comma = map.indexOf(COMMA, at);
    const end = comma < 0 ? map.length : comma;
    const digits = map.toString("latin1", at, Math.min(end, at + NUMBER_DIGITS_MAX + 1));
    at = end + 1;
    return wholeNumber(digits);
  };
  while (at <= map.length) extents.add(next(), next());
  return extents;
}

/** GNU's format 1.0: the map is the beginning of the data, a decimal number a line. */
export async function readMapInData(
  input: TarInput,
  storedBytes: number,
): Promise<{
  readonly extents: ExtentList;
  /** What of the stored data the map takes. */
  readonly mapBytes: number;
}> {
  const start = input.position;
  const lines = new MapLines(input, start + storedBytes);
  const count = await lines.number();
  if (count > storedBytes / EXTENT_LINES_BYTES_MIN) throw mapTooLong();
  if (count > EXTENTS_MAX) throw new BoundProblem(`a sparse file has ${count} parts`);
  const extents = new ExtentList();
  while (extents.length < count) extents.add(await lines.number(), await lines.number());
  return { extents, mapBytes: input.position - start };
}

function mapTooLong(): HeaderProblem {
  return new HeaderProblem("the map of a sparse file is longer than what is stored of it");
}

/** Two lines of one digit. */
const EXTENT_LINES_BYTES_MIN = 4;
const NUMBER_DIGITS_MAX = 20;
const LINE_END = 10;

/** Lines of digits, read block by block: what follows the last of them fills its block. */
class MapLines {
  readonly #input: TarInput;
  /** Where the data that is stored ends. */
  readonly #endBytes: number;
  #block: Buffer = Buffer.alloc(0);

  constructor(input: TarInput, endBytes: number) {
    this.#input = input;
    this.#endBytes = endBytes;
  }

  async number(): Promise<number> {
    let digits = "";
    for (;;) {
      const end = this.#block.indexOf(LINE_END);
      digits += this.#block.toString("latin1", 0, end < 0 ? undefined : end);
      if (digits.length > NUMBER_DIGITS_MAX) throw notANumber(digits);
      if (end >= 0) {
        this.#block = this.#block.subarray(end + 1);
        return wholeNumber(digits);
      }
      if (this.#input.position >= this.#endBytes) {
        throw mapTooLong();
      }
      this.#block = Buffer.from(await this.#input.take(BLOCK_BYTES));
    }
  }
}

function wholeNumber(digits: string): number {
  const number = /^\d+$/.test(digits) ? Number(digits) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw notANumber(digits);
}

function notANumber(text: string): HeaderProblem {
  const shown = JSON.stringify(text.slice(0, NUMBER_DIGITS_MAX));
  return new HeaderProblem(`the map of a sparse file has ${shown} in place of a number`);
}

/** A map must be in order, fit into the file, and account for all data that is stored. */
export function requireSoundMap({ sizeBytes, extents }: SparseMap, storedBytes: number): void {
  let end = 0;
  let dataBytes = 0;
  for (const { startBytes, lengthBytes } of extents) {
    if (!(startBytes >= end && startBytes + lengthBytes <= sizeBytes)) {
      throw new HeaderProblem("the map of a sparse file is not in order");
    }
    end = startBytes + lengthBytes;
    dataBytes += lengthBytes;
  }
  if (dataBytes === storedBytes) return;
  throw new HeaderProblem("the map of a sparse file does not account for what is stored of it");
}
