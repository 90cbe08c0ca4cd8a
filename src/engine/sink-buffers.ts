/** Takes bytes in their order. */
export interface ByteSink {
  /** Looks at bytes as soon as they are there, while more are on their way; not to be kept. */
  see(bytes: Uint8Array): void;
  /**
   * Takes bytes that were seen, many at once. Their memory is used again once the promise is settled, so that a
   * terabyte passes through as little memory as a megabyte.
   */
  take(bytes: Uint8Array): Promise<void>;
}

/** To take bytes costs more than to put together as many as this. */
const SINK_BYTES = 512 * 1024;
const TAKEN_AT_ONCE = 2;

/** Puts together for a sink what comes in small pieces, in a few buffers that are used again. */
export class SinkBuffers {
  readonly #sink: ByteSink;
  readonly #leastRoom: number;
  readonly #onTaken: () => void;
  readonly #ended = Promise.withResolvers<void>();
  readonly #free: Buffer[] = [];
  #filling: Buffer = Buffer.allocUnsafeSlow(SINK_BYTES);
  #filledBytes = 0;
  #beingTaken = 0;
  #atEnd = false;

  /**
   * @param leastRoom a buffer with less room than this goes to the sink.
   * @param onTaken called when the sink has taken a buffer, and whoever was told to wait may go on.
   */
  constructor(sink: ByteSink, leastRoom: number, onTaken: () => void) {
    this.#sink = sink;
    this.#leastRoom = leastRoom;
    this.#onTaken = onTaken;
    this.#ended.promise.catch(() => {});
  }

  /** Where the next bytes go; never without room. */
  get room(): Buffer {
    return this.#filling.subarray(this.#filledBytes);
  }

  /** Whether the sink keeps up; else what is read is to wait. */
  get keepsUp(): boolean {
    return this.#beingTaken < TAKEN_AT_ONCE;
  }

  /** Resolves once there was an end and everything is in the sink; rejects when either failed. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Counts in what was put into the room. */
  filled(bytes: number): void {
    this.#sink.see(this.room.subarray(0, bytes));
    this.#filledBytes += bytes;
    if (SINK_BYTES - this.#filledBytes < this.#leastRoom) this.#handOn();
  }

  /** Nothing more comes. */
  end(): void {
    if (this.#atEnd) return;
    this.#atEnd = true;
    if (this.#filledBytes > 0) this.#handOn();
    else this.#settle();
  }

  fail(error: unknown): void {
    this.#atEnd = true;
    this.#ended.reject(error);
  }

  #handOn(): void {
    const buffer = this.#filling;
    const filled = buffer.subarray(0, this.#filledBytes);
    this.#filling = this.#free.pop() ?? Buffer.allocUnsafeSlow(SINK_BYTES);
    this.#filledBytes = 0;
    this.#beingTaken += 1;
    this.#sink.take(filled).then(
      () => this.#taken(buffer),
      (error: unknown) => this.fail(error),
    );
  }

  #taken(buffer: Buffer): void {
    this.#beingTaken -= 1;
    this.#free.push(buffer);
    this.#onTaken();
    this.#settle();
  }

  #settle(): void {
    if (this.#atEnd && this.#beingTaken === 0) this.#ended.resolve();
  }
}
