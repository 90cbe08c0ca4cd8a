import { Readable, type Duplex } from "node:stream";

/** A process's output, taken apart from one multiplexed connection. */
export interface ProcessOutput {
  readonly stdout: Readable;
  readonly stderr: Readable;
}

const HEADER_BYTES = 8;
const STDERR = 2;

/**
 * Takes apart the engine's multiplexed stream: frames of an 8-byte header (stream number, three zero
 * bytes, payload length big-endian) and the payload (Engine API, "Attach to a container").
 *
 * Backpressure reaches the connection: it is paused while the reader of a frame's stream is behind.
 * A connection that ends within a frame is an error on both streams.
 */
export function demultiplex(connection: Duplex): ProcessOutput {
  const behind = new Set<Readable>();
  const output = (): Readable => {
    const stream: Readable = new Readable({
      read() {
        behind.delete(stream);
        if (behind.size === 0) connection.resume();
      },
    });
    return stream;
  };
  const stdout = output();
  const stderr = output();
  // A broken connection is the reader's to hear of, and nobody's crash where there is no reader.
  for (const stream of [stdout, stderr]) stream.on("error", () => {});
  const frames = new FrameReader((streamNumber, payload) => {
    const target = streamNumber === STDERR ? stderr : stdout;
    if (!target.push(payload)) behind.add(target);
  });
  connection.on("data", (chunk: Buffer) => {
    frames.accept(chunk);
    if (behind.size > 0) connection.pause();
  });
  let finished = false;
  const finish = (error?: Error): void => {
    if (finished) return;
    finished = true;
    for (const stream of [stdout, stderr]) {
      if (error === undefined) stream.push(null);
      else stream.destroy(error);
    }
  };
  connection.once("end", () => finish(frames.unfinished()));
  connection.once("error", finish);
  connection.once("close", () => finish(frames.unfinished()));
  return { stdout, stderr };
}

/** The payloads of a multiplexed stream that is there as a whole, of both streams in their order. */
export function joinFrames(bytes: Buffer): Buffer {
  const payloads: Buffer[] = [];
  new FrameReader((_streamNumber, payload) => payloads.push(payload)).accept(bytes);
  return Buffer.concat(payloads);
}

/** Cuts a byte stream into frames without copying payloads. */
class FrameReader {
  readonly #deliver: (streamNumber: number, payload: Buffer) => void;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #payloadBytesLeft = 0;

  constructor(deliver: (streamNumber: number, payload: Buffer) => void) {
    this.#deliver = deliver;
  }

  accept(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      rest = this.#payloadBytesLeft > 0 ? this.#takePayload(rest) : this.#takeHeader(rest);
    }
  }

  unfinished(): Error | undefined {
    const complete = this.#payloadBytesLeft === 0 && this.#headerBytes === 0;
    return complete ? undefined : new Error("the engine's stream ended within a frame");
  }

  #takeHeader(chunk: Buffer): Buffer {
    const taken = chunk.copy(this.#header, this.#headerBytes);
    this.#headerBytes += taken;
    if (this.#headerBytes === HEADER_BYTES) {
      this.#payloadBytesLeft = this.#header.readUInt32BE(4);
      this.#headerBytes = 0;
    }
    return chunk.subarray(taken);
  }

  #takePayload(chunk: Buffer): Buffer {
    const payload = chunk.subarray(0, this.#payloadBytesLeft);
    this.#payloadBytesLeft -= payload.length;
    this.#deliver(this.#header.readUInt8(0), payload);
    return chunk.subarray(payload.length);
  }
}
