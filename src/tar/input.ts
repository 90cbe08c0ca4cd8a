import { damaged } from "./damage.ts";

export const BLOCK_BYTES = 512;

/**
 * A tar stream, read in the pieces that its format asks for, whatever the chunks it arrives in. A
 * chunk is not kept beyond asking for the next one, so that its memory can be used again.
 */
export class TarInput {
  /** How much of the stream has been handed out. */
  position = 0;
  /** What messages call it. */
  readonly name: string;
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>, name: string, signal?: AbortSignal) {
    this.#source = source[Symbol.asyncIterator]();
    this.name = name;
    this.#signal = signal;
  }

  /** The next block, valid until the next is asked for; `undefined` at the end of the stream. */
  async block(): Promise<Buffer | undefined> {
    if (this.#chunk.length < BLOCK_BYTES && !(await this.#more())) return undefined;
    return this.take(BLOCK_BYTES);
  }

  /** So many bytes, in a buffer that may be the chunk's own. */
  async take(bytes: number): Promise<Buffer> {
    if (this.#chunk.length >= bytes) return this.#cut(bytes);
    const pieces: Buffer[] = [];
    for (let missing = bytes; missing > 0;) {
      const piece = await this.some(missing);
      // The chunk's memory may be used again before all of them are here.
      pieces.push(Buffer.from(piece));
      missing -= piece.length;
    }
    return Buffer.concat(pieces);
  }

  /** So many bytes, in memory of their own that is touched only as they come. */
  async copy(bytes: number): Promise<Buffer> {
    const copy = Buffer.allocUnsafeSlow(bytes);
    for (let at = 0; at < bytes;) at += (await this.some(bytes - at)).copy(copy, at);
    return copy;
  }

  /** What is there at once, at least one byte and at most so many. */
  async some(bytesMax: number): Promise<Buffer> {
    if (!(await this.#more())) throw this.damaged("it was cut short");
    return this.#cut(Math.min(bytesMax, this.#chunk.length));
  }

  async skip(bytes: number): Promise<void> {
    for (let missing = bytes; missing > 0;) missing -= (await this.some(missing)).length;
  }

  /** Passes the blanks that fill the last block of something of this length. */
  async skipPadding(bytes: number): Promise<void> {
    await this.skip((BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES);
  }

  /** What is left, chunk by chunk. */
  async *rest(): AsyncGenerator<Buffer> {
    while (await this.#more()) yield this.#cut(this.#chunk.length);
  }

  damaged(problem: string, position = this.position): Error {
    return damaged(this.name, `${problem} (byte ${position} of the tar stream)`);
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  #cut(bytes: number): Buffer {
    const piece = this.#chunk.subarray(0, bytes);
    this.#chunk = this.#chunk.subarray(bytes);
    this.position += bytes;
    return piece;
  }

  async #more(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      this.#signal?.throwIfAborted();
      const next = await this.#source.next();
      if (next.done === true) return false;
      const { buffer, byteOffset, length } = next.value;
      this.#chunk = Buffer.from(buffer, byteOffset, length);
    }
    return true;
  }
}
