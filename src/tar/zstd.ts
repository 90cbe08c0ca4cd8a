import { addAbortSignal } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createZstdDecompress } from "node:zlib";
import { messageOf } from "../errors.ts";
import { damaged } from "./damage.ts";

/** Node's own 16 KiB makes decompression two and a half times slower. */
const OUTPUT_BYTES = 1 << 20;

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_MASK = 0xfffffff0;
const MAGIC_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;
const CHECKSUM_BYTES = 4;
const BLOCK_TYPE_RLE = 1;

/**
 * What zstd frames hold, one after the other. Node's decoder stops at the end of the first frame and
 * says nothing of what follows, so the frames are told apart here.
 *
 * @throws DockformError `integrity` when a frame is damaged or cut short, or when something else
 * follows one.
 */
export async function* decompressZstd(
  stored: AsyncIterable<Uint8Array>,
  name: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const input = new FrameInput(stored, name);
  try {
    do {
      yield* decompressFrame(input, signal);
    } while (await input.more());
  } finally {
    await input.close();
  }
}

async function* decompressFrame(
  input: FrameInput,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const frame = input.frame();
  if (await input.atSkippableFrame()) {
    for await (const _ of frame) signal?.throwIfAborted();
    return;
  }
  const decoder = createZstdDecompress({ chunkSize: OUTPUT_BYTES });
  if (signal !== undefined) addAbortSignal(signal, decoder);
  const fed = pipeline(frame, decoder);
  fed.catch(() => {});
  try {
    yield* decoder as AsyncIterable<Uint8Array>;
    await fed;
  } catch (error) {
    signal?.throwIfAborted();
    throw isDecoderError(error) ? input.damaged(messageOf(error), error) : error;
  }
}

function isDecoderError(error: unknown): boolean {
  return error instanceof Error && "errno" in error && "code" in error && !("syscall" in error);
}

/** Stored bytes, handed out frame by frame. */
class FrameInput {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #name: string;
  #chunk: Uint8Array = new Uint8Array(0);
  #offset = 0;

  constructor(source: AsyncIterable<Uint8Array>, name: string) {
    this.#source = source[Symbol.asyncIterator]();
    this.#name = name;
  }

  /** Whether bytes are left. */
  async more(): Promise<boolean> {
    while (this.#chunk.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) return false;
      this.#chunk = next.value;
    }
    return true;
  }

  /** Looks at one byte alone: a chunk may end in the middle of the magic number. */
  async atSkippableFrame(): Promise<boolean> {
    return (await this.more()) && ((this.#chunk[0] ?? 0) & 0xf0) === (SKIPPABLE_MAGIC & 0xf0);
  }

  /** The bytes of one frame, in pieces as large as they come. */
  async *frame(): AsyncGenerator<Uint8Array> {
    const end = new FrameEnd();
    while (!end.reached) {
      if (!(await this.more())) throw this.damaged("it was cut short");
      const length = end.advance(this.#chunk, (problem) => this.damaged(problem));
      const piece = this.#chunk.subarray(0, length);
      this.#chunk = this.#chunk.subarray(length);
      this.#offset += length;
      yield piece;
    }
  }

  damaged(problem: string, cause?: unknown): Error {
    return damaged(this.#name, `${problem} (about byte ${this.#offset} of the file)`, cause);
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

type FramePart = "magic" | "descriptor" | "block" | "skippable";

/** Follows a frame's own lengths to its last byte, however the bytes are cut into chunks. */
class FrameEnd {
  reached = false;
  #part: FramePart = "magic";
  readonly #header = Buffer.alloc(MAGIC_BYTES);
  #headerBytes = 0;
  #missingHeaderBytes = MAGIC_BYTES;
  /** To be passed over before the next header. */
  #bodyBytes = 0;
  #isLastBlock = false;
  #hasChecksum = false;

  /** How many of these bytes belong to the frame. */
  advance(chunk: Uint8Array, failure: (problem: string) => Error): number {
    let at = 0;
    while (at < chunk.length && !this.reached) {
      if (this.#bodyBytes > 0) {
        const passed = Math.min(this.#bodyBytes, chunk.length - at);
        this.#bodyBytes -= passed;
        at += passed;
      } else {
        this.#header[this.#headerBytes] = chunk[at] ?? 0;
        this.#headerBytes += 1;
        at += 1;
        if (this.#headerBytes === this.#missingHeaderBytes) this.#readHeader(failure);
      }
      this.reached = this.#isLastBlock && this.#bodyBytes === 0;
    }
    return at;
  }

  #readHeader(failure: (problem: string) => Error): void {
    this.#headerBytes = 0;
    switch (this.#part) {
      case "magic":
        return this.#readMagic(failure);
      case "descriptor":
        return this.#readDescriptor(this.#header.readUInt8(0));
      case "block":
        return this.#readBlockHeader(this.#header.readUIntLE(0, BLOCK_HEADER_BYTES));
      case "skippable":
        this.#bodyBytes = this.#header.readUInt32LE(0);
        this.#isLastBlock = true;
    }
  }

  #readMagic(failure: (problem: string) => Error): void {
    const magic = this.#header.readUInt32LE(0);
    if (magic === FRAME_MAGIC) this.#expect("descriptor", 1);
    else if ((magic & SKIPPABLE_MASK) === SKIPPABLE_MAGIC) this.#expect("skippable", 4);
    else throw failure("this is no zstd frame");
  }

  /** RFC 8878, 3.1.1.1: the descriptor says how long the rest of the header is. */
  #readDescriptor(descriptor: number): void {
    const contentSizeFlag = descriptor >> 6;
    const isSingleSegment = (descriptor & 0x20) !== 0;
    this.#hasChecksum = (descriptor & 0x04) !== 0;
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 0x03] ?? 0;
    const contentSizeBytes = contentSizeFlag === 0 ? Number(isSingleSegment) : 1 << contentSizeFlag;
    this.#bodyBytes = Number(!isSingleSegment) + dictionaryBytes + contentSizeBytes;
    this.#expect("block", BLOCK_HEADER_BYTES);
  }

  #readBlockHeader(header: number): void {
    const type = (header >> 1) & 0x03;
    this.#bodyBytes = type === BLOCK_TYPE_RLE ? 1 : header >> 3;
    this.#isLastBlock = (header & 1) === 1;
    if (this.#isLastBlock && this.#hasChecksum) this.#bodyBytes += CHECKSUM_BYTES;
  }

  #expect(part: FramePart, bytes: number): void {
    this.#part = part;
    this.#missingHeaderBytes = bytes;
  }
}
