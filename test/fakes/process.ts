import { Duplex, PassThrough, type Readable } from "node:stream";

/** What a container's process, or an exec's, has and does. */
export interface ProgramIo {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Ends when whoever is attached closes it, or goes away. */
  readonly stdin: Readable;
  /** Writes a frame for whoever is attached. */
  readonly write: (stream: "stdout" | "stderr", bytes: string | Uint8Array) => void;
  /** Aborted when the process is killed. */
  readonly killed: AbortSignal;
}

/** Resolves with the exit code. A process that is killed need not resolve. */
export type Program = (io: ProgramIo) => Promise<number>;

const KILLED = 137;
const STREAM_NUMBERS = { stdout: 1, stderr: 2 } as const;

/** A running process in the fake engine. */
export class FakeProcess {
  /** Resolves with the exit code, once. */
  readonly ended: Promise<number>;
  readonly #stdin = new PassThrough();
  readonly #kill = new AbortController();
  readonly #killed = Promise.withResolvers<number>();
  readonly #connections = new Set<FakeConnection>();

  constructor(
    program: Program,
    { command, env }: Pick<ProgramIo, "command" | "env">,
    connections: readonly FakeConnection[],
    log: Buffer[],
  ) {
    for (const connection of connections) this.attach(connection);
    const write: ProgramIo["write"] = (stream, bytes) => {
      const frame = toFrame(STREAM_NUMBERS[stream], Buffer.from(bytes));
      log.push(frame);
      for (const connection of this.#connections) connection.deliver(frame);
    };
    const io = { command, env, stdin: this.#stdin, write, killed: this.#kill.signal };
    this.ended = Promise.race([this.#killed.promise, program(io)]);
    void this.ended.finally(() => {
      for (const connection of this.#connections) connection.finish();
    });
  }

  attach(connection: FakeConnection): void {
    this.#connections.add(connection);
    connection.feed(this.#stdin);
  }

  kill(): void {
    this.#killed.resolve(KILLED);
    this.#kill.abort();
  }
}

/** The client's end of a connection that was taken over; the engine's end is its methods. */
export class FakeConnection extends Duplex {
  readonly #accept: ((bytes: Buffer) => boolean) | undefined;
  /** What was written before there was a process. */
  readonly #written: Buffer[] = [];
  #stdin: PassThrough | undefined;
  #inputEnded = false;
  #isSevered = false;

  constructor(accept?: (bytes: Buffer) => boolean) {
    super();
    this.#accept = accept;
  }

  /** From here on the process reads what the client writes. */
  feed(stdin: PassThrough): void {
    this.#stdin = stdin;
    for (const bytes of this.#written.splice(0)) stdin.write(bytes);
    if (this.#inputEnded) stdin.end();
  }

  deliver(frame: Buffer): void {
    if (this.#isSevered || this.destroyed) return;
    if (this.#accept === undefined) this.push(frame);
    else this.#accept(frame);
  }

  finish(): void {
    if (!this.#isSevered && !this.destroyed) this.push(null);
  }

  /** The client has died: the engine sees its end close, and the client sees nothing any more. */
  sever(): void {
    this.#isSevered = true;
    this.#endInput();
  }

  override _read(): void {
    // What the process writes is delivered as it comes.
  }

  override _write(bytes: Buffer, _encoding: string, done: () => void): void {
    if (!this.#isSevered) {
      if (this.#stdin === undefined) this.#written.push(bytes);
      else this.#stdin.write(bytes);
    }
    done();
  }

  override _final(done: () => void): void {
    this.#endInput();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#endInput();
    done(error);
  }

  #endInput(): void {
    this.#inputEnded = true;
    this.#stdin?.end();
  }
}

function toFrame(streamNumber: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(streamNumber, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

/** Runs until it is killed. */
const idle: Program = () => new Promise(() => {});

const READS_A_LINE = /^read line(?:; exit (\d+))?$/;

/** As much of a shell as tests ask for: `cat`, `exit N`, `read line; exit N`; whatever else waits. */
export const tinyShell: Program = async (io) => {
  const script = io.command.at(-1) ?? "";
  const exit = /^exit (\d+)$/.exec(script);
  if (exit !== null) return Number(exit[1]);
  const read = READS_A_LINE.exec(script);
  if (read !== null) {
    for await (const bytes of io.stdin) if (String(bytes).includes("\n")) break;
    return Number(read[1] ?? 0);
  }
  if (script === "cat") {
    for await (const bytes of io.stdin as AsyncIterable<Buffer>) io.write("stdout", bytes);
    return 0;
  }
  return idle(io);
};
