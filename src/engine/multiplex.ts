import { addAbortSignal, Readable, type Duplex } from "node:stream";

/** A process's output, taken apart from one multiplexed connection. */
export interface ProcessOutput {
  readonly stdout: Readable;
  readonly stderr: Readable;
}

/**
 * Takes bytes in their order. The chunk's memory is used again once the promise is settled, so that a
 * terabyte passes through as little memory as a megabyte.
 */
export type ByteSink = (chunk: Uint8Array) => Promise<void>;

const HEADER_BYTES = 8;
const STDERR = 2;

/** The engine's frames are of a few KiB; a call of the sink costs more than to copy as much as this. */
const SINK_BYTES = 512 * 1024;
const SINKS_AT_ONCE = 2;

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
 * Takes apart a multiplexed stream whose stdout is much data, and puts that together for a sink in a few
 * buffers that are used again.
 */
export class StdoutIntoSink {
  readonly stderr: Readable = new Readable({ read() {} });
  readonly #sink: ByteSink;
  readonly #ended = Promise.withResolvers<void>();
  readonly #frames: FrameReader;
  readonly #free: Buffer[] = [];
  #filling: Buffer = Buffer.allocUnsafeSlow(SINK_BYTES);
  #filledBytes = 0;
  #sinking = 0;
  #atEnd = false;
  #connection: Duplex | undefined;

  constructor(sink: ByteSink) {
    this.#sink = sink;
    this.stderr.on("error", () => {});
    this.#ended.promise.catch(() => {});
    this.#frames = new FrameReader((streamNumber, payload) => {
      if (streamNumber === STDERR) this.stderr.push(Buffer.from(payload));
      else this.#collect(payload);
    });
  }

  /** Takes what was read, whose memory is the caller's again; whether it may read on. */
  readonly accept = (chunk: Buffer): boolean => {
    this.#frames.accept(chunk);
    return this.#sinking < SINKS_AT_ONCE;
  };

  /** Resolves once the connection has ended and everything is in the sink. */
  async follow(connection: Duplex, signal: AbortSignal): Promise<void> {
    this.#connection = connection;
    addAbortSignal(signal, connection);
    connection.once("end", () => this.#end(this.#frames.unfinished()));
    connection.once("error", (error) => this.#end(error));
    connection.once("close", () => this.#end(this.#frames.unfinished()));
    connection.resume();
    try {
      await this.#ended.promise;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }

  #collect(payload: Buffer): void {
    for (let rest = payload; rest.length > 0;) {
      const taken = rest.copy(this.#filling, this.#filledBytes);
      this.#filledBytes += taken;
      rest = rest.subarray(taken);
      if (this.#filledBytes === SINK_BYTES) this.#flush();
    }
  }

  #flush(): void {
    const buffer = this.#filling;
    const filled = buffer.subarray(0, this.#filledBytes);
    this.#filling = this.#free.pop() ?? Buffer.allocUnsafeSlow(SINK_BYTES);
    this.#filledBytes = 0;
    this.#sinking += 1;
    this.#sink(filled).then(
      () => this.#sunk(buffer),
      (error: unknown) => this.#fail(error),
    );
  }

  #sunk(buffer: Buffer): void {
    this.#sinking -= 1;
    this.#free.push(buffer);
    this.#connection?.resume();
    if (this.#atEnd && this.#sinking === 0) this.#ended.resolve();
  }

  #fail(error: unknown): void {
    this.#atEnd = true;
    this.#ended.reject(error);
    this.#connection?.destroy();
  }

  #end(error: Error | undefined): void {
    if (this.#atEnd) return;
    this.#atEnd = true;
    if (error !== undefined) {
      this.stderr.destroy(error);
      this.#ended.reject(error);
      return;
    }
    this.stderr.push(null);
    if (this.#filledBytes > 0) this.#flush();
    else if (this.#sinking === 0) this.#ended.resolve();
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
