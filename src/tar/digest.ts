import { createHash, type Hash } from "node:crypto";
import type { DataPiece } from "./entries.ts";

const BLOCK_BYTES = 4096;
const ZEROS = Buffer.alloc(BLOCK_BYTES);
/** Half of a SHA-256: as many as nobody finds two contents for, in half the memory. */
const DIGEST_BYTES = 16;

/** What a content without any byte but zeros has. */
export const ZERO_DIGEST = "\0".repeat(DIGEST_BYTES);

/**
 * A digest of a file's content, as 16 bytes of text. Zeros count as holes and holes as zeros, since a
 * copy may turn one into the other; so it takes no time for a hole, however large. It goes with the
 * file's size, which it does not tell.
 */
export async function contentDigest(data: AsyncIterable<DataPiece>): Promise<string> {
  const digest = new ContentDigest();
  for await (const { positionBytes, bytes } of data) digest.update(positionBytes, bytes);
  return digest.end();
}

/**
 * Blocks of zeros are left out, so each run of others is followed by where it stands and how long it
 * is: read from its end, the digested text can be told apart into its runs in one way only.
 */
class ContentDigest {
  #hash: Hash | undefined;
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  /** Where the block that is being filled begins; negative for none. */
  #blockStart = -1;
  #runStart = 0;
  #runBytes = 0;

  update(positionBytes: number, bytes: Uint8Array): void {
    let position = positionBytes;
    for (let rest = bytes; rest.length > 0;) {
      const inBlock = position % BLOCK_BYTES;
      const isWholeBlock = inBlock === 0 && rest.length >= BLOCK_BYTES;
      const length = isWholeBlock
        ? this.#addBlocks(position, rest)
        : this.#fillBlock(position - inBlock, inBlock, rest);
      position += length;
      rest = rest.subarray(length);
    }
  }

  end(): string {
    this.#flushBlock();
    this.#endRun();
    return this.#hash?.digest().toString("latin1", 0, DIGEST_BYTES) ?? ZERO_DIGEST;
  }

  /** Whole blocks up to the next of another kind, zeros or not. */
  #addBlocks(position: number, bytes: Uint8Array): number {
    this.#flushBlock();
    const isZero = isZeroAt(bytes, 0);
    let length = BLOCK_BYTES;
    while (length + BLOCK_BYTES <= bytes.length && isZeroAt(bytes, length) === isZero) {
      length += BLOCK_BYTES;
    }
    if (!isZero) this.#addToRun(position, bytes.subarray(0, length));
    return length;
  }

  #fillBlock(start: number, inBlock: number, bytes: Uint8Array): number {
    if (start !== this.#blockStart) {
      this.#flushBlock();
      this.#block.fill(0);
      this.#blockStart = start;
    }
    const part = bytes.subarray(0, BLOCK_BYTES - inBlock);
    this.#block.set(part, inBlock);
    return part.length;
  }

  #flushBlock(): void {
    const start = this.#blockStart;
    this.#blockStart = -1;
    if (start >= 0 && !this.#block.equals(ZEROS)) this.#addToRun(start, this.#block);
  }

  #addToRun(position: number, blocks: Uint8Array): void {
    this.#hash ??= createHash("sha256");
    if (position !== this.#runStart + this.#runBytes) {
      this.#endRun();
      this.#runStart = position;
    }
    this.#hash.update(blocks);
    this.#runBytes += blocks.length;
  }

  #endRun(): void {
    if (this.#runBytes > 0) this.#hash?.update(`${this.#runStart} ${this.#runBytes}\n`);
    this.#runBytes = 0;
  }
}

function isZeroAt(bytes: Uint8Array, offset: number): boolean {
  return ZEROS.compare(bytes, offset, offset + BLOCK_BYTES) === 0;
}
