import { addAbortSignal } from "node:stream";
import { pipeline } from "node:stream/promises";
import { constants, createZstdDecompress } from "node:zlib";
import { DockformError, messageOf } from "../errors.ts";
import { shellWord } from "../format.ts";
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

/** What the zstd command reads without being asked, and every level of its own makes do with. */
const WINDOW_ALWAYS_BYTES = 128 << 20;
/** `--long=31`: there is no larger one that zstd could read. */
const WINDOW_LOG_MAX = 31;
const WINDOW_BYTES_MAX = 2 ** WINDOW_LOG_MAX;

/**
 * What zstd frames hold, one after the other. Node's decoder stops at the end of the first frame and
 * says nothing of what follows, so the frames are told apart here.
 *
 * @param windowBytesMax the largest window that there is memory for; that of `zstd --long=27` is always read.
 * @throws DockformError `integrity` when a frame is damaged or cut short, or when something else
 * follows one; `refused` for a frame that needs a dictionary, or a larger window.
 */
export async function* decompressZstd(
  stored: AsyncIterable<Uint8Array>,
  name: string,
  signal?: AbortSignal,
  windowBytesMax = WINDOW_ALWAYS_BYTES,
): AsyncGenerator<Uint8Array> {
  const input = new FrameInput(stored, { name, windowBytesMax });
  try {
    do {
      yield* decompressFrame(input, signal);
    } while (await input.more());
  } finally {
    await input.close();
  }
}

/**
 * Hands zstd frames on as they are, for somebody else to decompress, and refuses what {@link decompressZstd} refuses
 * before decompressing: the zstd command takes gzip and more for its own, too.
 *
 * @throws DockformError `integrity`, `refused`.
 */
export async function* checkFrames<Chunk extends Uint8Array>(
  stored: AsyncIterable<Chunk>,
  name: string,
  windowBytesMax = WINDOW_ALWAYS_BYTES,
): AsyncGenerator<Chunk> {
  const failures = new FrameFailures({ name, windowBytesMax });
  let frame: FrameEnd | undefined = new FrameEnd(failures);
  for await (const chunk of stored) {
    for (let at = 0; at < chunk.length;) {
      frame ??= new FrameEnd(failures);
      const length = frame.advance(chunk.subarray(at));
      failures.offset += length;
      at += length;
      if (frame.reached) frame = undefined;
    }
    yield chunk;
  }
  if (frame !== undefined) throw failures.damaged(CUT_SHORT);
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
  const decoder = createZstdDecompress({
    chunkSize: OUTPUT_BYTES,
    params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
  });
  if (signal !== undefined) addAbortSignal(signal, decoder);
  const fed = pipeline(frame, decoder);
  fed.catch(() => {});
  try {
    yield* decoder as AsyncIterable<Uint8Array>;
    await fed;
  } catch (error) {
    signal?.throwIfAborted();
    throw isDecoderError(error) ? input.failures.damaged(messageOf(error), error) : error;
  }
}

function isDecoderError(error: unknown): boolean {
  return error instanceof Error && "errno" in error && "code" in error && !("syscall" in error);
}

const CUT_SHORT = "it was cut short";

interface FrameOrigin {
  readonly name: string;
  readonly windowBytesMax: number;
}

/** What can be wrong with frames, said of the file that they are in. */
class FrameFailures {
  /** How far the file has been read. */
  offset = 0;
  readonly #origin: FrameOrigin;

  constructor(origin: FrameOrigin) {
    this.#origin = origin;
  }

  damaged(problem: string, cause?: unknown): DockformError {
    return damaged(this.#origin.name, `${problem} (about byte ${this.offset} of the file)`, cause);
  }

  /** Zero stands for none. A dictionary without a number shows as damage of the first block. */
  requireNoDictionary(id: number): void {
    if (id === 0) return;
    const { name } = this.#origin;
    throw new DockformError(
      "archive.zstd-dictionary",
      `${name} was compressed with the zstd dictionary ${id}, and cannot be read without it`,
      {
        hint: `Compress it again without: zstd -dc -D DICTIONARY ${shellWord(name)} | zstd -o OTHER.tar.zst`,
      },
    );
  }

  requireMemory(windowBytes: number): void {
    const { name, windowBytesMax } = this.#origin;
    if (windowBytes > WINDOW_BYTES_MAX)
      throw this.damaged("the window of a frame is larger than zstd allows");
    if (windowBytes <= Math.max(WINDOW_ALWAYS_BYTES, windowBytesMax)) return;
    const long = Math.ceil(Math.log2(windowBytes));
    throw new DockformError(
      "archive.window-too-large",
      `${name} was compressed with a window of ${mebibytes(windowBytes)} (zstd --long=${long}), and only ${mebibytes(windowBytesMax)} of memory is free here`,
      {
        hint: `Where there is more, compress it again: zstd -dc --long=${long} ${shellWord(name)} | zstd -o OTHER.tar.zst`,
        data: { windowBytes, windowBytesMax },
      },
    );
  }
}

function mebibytes(bytes: number): string {
  return `${Math.floor(bytes / (1 << 20))} MiB`;
}

/** Stored bytes, handed out frame by frame. */
class FrameInput {
  readonly failures: FrameFailures;
  readonly #source: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterable<Uint8Array>, origin: FrameOrigin) {
    this.#source = source[Symbol.asyncIterator]();
    this.failures = new FrameFailures(origin);
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
    const end = new FrameEnd(this.failures);
    while (!end.reached) {
      if (!(await this.more())) throw this.failures.damaged(CUT_SHORT);
      const length = end.advance(this.#chunk);
      const piece = this.#chunk.subarray(0, length);
      this.#chunk = this.#chunk.subarray(length);
      this.failures.offset += length;
      yield piece;
    }
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

type FramePart = "magic" | "descriptor" | "parameters" | "block" | "skippable";

/** Follows a frame's own lengths to its last byte, however the bytes are cut into chunks. */
class FrameEnd {
  reached = false;
  readonly #failures: FrameFailures;
  #part: FramePart = "magic";
  readonly #header = Buffer.alloc(PARAMETER_BYTES_MAX);
  #headerBytes = 0;
  #missingHeaderBytes = MAGIC_BYTES;
  /** To be passed over before the next header. */
  #bodyBytes = 0;
  #isLastBlock = false;
  #descriptor = 0;

  constructor(failures: FrameFailures) {
    this.#failures = failures;
  }

  /** How many of these bytes belong to the frame. @throws DockformError `integrity`, `refused`. */
  advance(chunk: Uint8Array): number {
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
        if (this.#headerBytes === this.#missingHeaderBytes) this.#readHeader();
      }
      this.reached = this.#isLastBlock && this.#bodyBytes === 0;
    }
    return at;
  }

  #readHeader(): void {
    this.#headerBytes = 0;
    switch (this.#part) {
      case "magic":
        return this.#readMagic();
      case "descriptor":
        return this.#readDescriptor(this.#header.readUInt8(0));
      case "parameters":
        return this.#readParameters();
      case "block":
        return this.#readBlockHeader(this.#header.readUIntLE(0, BLOCK_HEADER_BYTES));
      case "skippable":
        this.#bodyBytes = this.#header.readUInt32LE(0);
        this.#isLastBlock = true;
    }
  }

  #readMagic(): void {
    const magic = this.#header.readUInt32LE(0);
    if (magic === FRAME_MAGIC) this.#expect("descriptor", 1);
    else if ((magic & SKIPPABLE_MASK) === SKIPPABLE_MAGIC) this.#expect("skippable", 4);
    else throw this.#failures.damaged("this is not a zstd frame");
  }

  /** RFC 8878, 3.1.1.1: the descriptor says how long the rest of the header is, one byte at least. */
  #readDescriptor(descriptor: number): void {
    this.#descriptor = descriptor;
    const { windowBytes, dictionaryBytes, contentSizeBytes } = this.#lengths();
    this.#expect("parameters", windowBytes + dictionaryBytes + contentSizeBytes);
  }

  #lengths(): {
    readonly windowBytes: 0 | 1;
    readonly dictionaryBytes: number;
    readonly contentSizeBytes: number;
  } {
    const isSingleSegment = (this.#descriptor & 0x20) !== 0;
    const contentSizeFlag = this.#descriptor >> 6;
    return {
      windowBytes: isSingleSegment ? 0 : 1,
      dictionaryBytes: [0, 1, 2, 4][this.#descriptor & 0x03] ?? 0,
      contentSizeBytes: contentSizeFlag === 0 ? Number(isSingleSegment) : 1 << contentSizeFlag,
    };
  }

  #readParameters(): void {
    const { windowBytes, dictionaryBytes, contentSizeBytes } = this.#lengths();
    if (dictionaryBytes > 0) {
      this.#failures.requireNoDictionary(this.#header.readUIntLE(windowBytes, dictionaryBytes));
    }
    // A frame of one segment has all of its content for a window.
    const window =
      windowBytes === 1
        ? windowSize(this.#header.readUInt8(0))
        : littleEndian(this.#header.subarray(dictionaryBytes, dictionaryBytes + contentSizeBytes));
    this.#failures.requireMemory(window);
    this.#expect("block", BLOCK_HEADER_BYTES);
  }

  #readBlockHeader(header: number): void {
    const type = (header >> 1) & 0x03;
    this.#bodyBytes = type === BLOCK_TYPE_RLE ? 1 : header >> 3;
    this.#isLastBlock = (header & 1) === 1;
    const hasChecksum = (this.#descriptor & 0x04) !== 0;
    if (this.#isLastBlock && hasChecksum) this.#bodyBytes += CHECKSUM_BYTES;
  }

  #expect(part: FramePart, bytes: number): void {
    this.#part = part;
    this.#missingHeaderBytes = bytes;
  }
}

/** Window, dictionary and content size. */
const PARAMETER_BYTES_MAX = 1 + 4 + 8;

/** Five bits of exponent, three of eighths. */
function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 0x07);
}

function littleEndian(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}
