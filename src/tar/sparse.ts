import { HeaderProblem, sizeNumber } from "./header.ts";
import { BLOCK_BYTES, type TarInput } from "./input.ts";
import { paxNumber, paxText, type PaxRecord } from "./pax.ts";

/** A range of a file that holds data; all else is a hole. */
export interface Extent {
  readonly startBytes: number;
  readonly lengthBytes: number;
}

/** A file with holes: how large it is, and where its data goes. */
export interface SparseMap {
  readonly sizeBytes: number;
  readonly extents: readonly Extent[];
}

const OLD_GNU_EXTENTS = 4;
const OLD_GNU_EXTENTS_MORE = 21;
const EXTENT_BYTES = 24;

/** GNU's own format (type S): the map is in the header, and in blocks that follow it. */
export async function readOldGnuMap(header: Buffer, input: TarInput): Promise<SparseMap> {
  const sizeBytes = sizeNumber(header, 483);
  // All of the header first: its memory may be used again for the next block.
  const extents = oldGnuExtents(header, 386, OLD_GNU_EXTENTS);
  let more = header[482] === 1;
  while (more) {
    const block = await input.take(BLOCK_BYTES);
    extents.push(...oldGnuExtents(block, 0, OLD_GNU_EXTENTS_MORE));
    more = block[504] === 1;
  }
  return { sizeBytes, extents };
}

function oldGnuExtents(block: Buffer, offset: number, count: number): Extent[] {
  const extents: Extent[] = [];
  for (let i = 0; i < count; i += 1) {
    const at = offset + i * EXTENT_BYTES;
    // What is not used is zero from its first byte on.
    if (block[at] === 0) break;
    extents.push({
      startBytes: sizeNumber(block, at),
      lengthBytes: sizeNumber(block, at + EXTENT_BYTES / 2),
    });
  }
  return extents;
}

/** GNU's formats 0.0 and 0.1, whose map is in the extended header; `undefined` without one. */
export function paxMap(records: readonly PaxRecord[]): SparseMap | undefined {
  const size = records.findLast(({ key }) => key === "GNU.sparse.size");
  if (size === undefined) return undefined;
  const sizeBytes = paxNumber(size.value, size.key);
  const map = records.findLast(({ key }) => key === "GNU.sparse.map");
  const numbers =
    map === undefined
      ? records
          .filter(({ key }) => key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes")
          .map(({ key, value }) => paxNumber(value, key))
      : mapNumbers(paxText(map.value));
  return { sizeBytes, extents: pairs(numbers) };
}

function mapNumbers(map: string): readonly number[] {
  return map === "" ? [] : map.split(",").map((text) => wholeNumber(text));
}

function pairs(numbers: readonly number[]): readonly Extent[] {
  const extents: Extent[] = [];
  for (let i = 0; i < numbers.length; i += 2) {
    const [startBytes = 0, lengthBytes = Number.NaN] = numbers.slice(i, i + 2);
    extents.push({ startBytes, lengthBytes });
  }
  return extents;
}

/** GNU's format 1.0: the map is the beginning of the data, a decimal number a line. */
export async function readMapInData(input: TarInput): Promise<{
  readonly extents: readonly Extent[];
  /** What of the stored data the map takes. */
  readonly mapBytes: number;
}> {
  const start = input.position;
  const lines = new MapLines(input);
  const count = await lines.number();
  const extents: Extent[] = [];
  while (extents.length < count) {
    extents.push({ startBytes: await lines.number(), lengthBytes: await lines.number() });
  }
  return { extents, mapBytes: input.position - start };
}

const NUMBER_DIGITS_MAX = 20;
const LINE_END = 10;

/** Lines of digits, read block by block: what follows the last of them fills its block. */
class MapLines {
  readonly #input: TarInput;
  #block: Buffer = Buffer.alloc(0);

  constructor(input: TarInput) {
    this.#input = input;
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
