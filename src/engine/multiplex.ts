import { Readable, type Duplex } from "node:stream";
import { withSignal } from "../abort.ts";
import { SinkBuffers, type ByteSink } from "./sink-buffers.ts";

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

/**
 * Takes apart a multiplexed stream whose stdout is much data, and puts that together for a sink: the engine's
 * frames are of a few KiB.
 */
export class StdoutIntoSink {
  readonly stderr: Readable = new Readable({ read() {} });
  readonly #buffers: SinkBuffers;
  readonly #frames: FrameReader;
  #connection: Duplex | undefined;

  constructor(sink: ByteSink) {
    this.#buffers = new SinkBuffers(sink, 1, () => this.#connection?.resume());
    this.stderr.on("error", () => {});
    this.#frames = new FrameReader((streamNumber, payload) => {
      if (streamNumber === STDERR) this.stderr.push(Buffer.from(payload));
      else this.#collect(payload);
    });
  }

  /** Takes what was read, whose memory is the caller's again; whether it may read on. */
  readonly accept = (chunk: Buffer): boolean => {
    this.#frames.accept(chunk);
    return this.#buffers.keepsUp;
  };

  /** Resolves once the connection has ended and everything is in the sink. */
  async follow(connection: Duplex, signal: AbortSignal): Promise<void> {
    this.#connection = connection;
    connection.once("end", () => this.#end(this.#frames.unfinished()));
    connection.once("error", (error) => this.#end(error));
    connection.once("close", () => this.#end(this.#frames.unfinished()));
    connection.resume();
    try {
      await withSignal(this.#buffers.ended, signal);
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  #collect(payload: Buffer): void {
    for (let rest = payload; rest.length > 0;) {
      const taken = rest.copy(this.#buffers.room);
      this.#buffers.filled(taken);
      rest = rest.subarray(taken);
    }
  }

  #end(error: Error | undefined): void {
    if (error === undefined) {
      this.stderr.push(null);
      this.#buffers.end();
    } else {
      this.stderr.destroy(error);
      this.#buffers.fail(error);
    }
  }
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
