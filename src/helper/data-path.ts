import { once } from "node:events";
import { addAbortSignal, type Writable } from "node:stream";
import { withSignal } from "../abort.ts";
import { DockformError } from "../errors.ts";
import type { ExchangeFolder } from "./exchange.ts";
import type { HelperCall, HelperReply } from "./reply.ts";
import type { HelperSession, HelperVerb } from "./session.ts";

/**
 * Takes bytes in their order. The chunk's memory is used again once the promise is settled, so that a
 * terabyte passes through as little memory as a megabyte.
 */
export type ByteSink = (chunk: Uint8Array) => Promise<void>;

/** Hands out bytes; a chunk stays as it is until the next but one is asked for. */
export type ByteSource = AsyncIterable<Uint8Array>;

/** How archive bytes travel between the helper and this client. */
export interface DataPath {
  /** `pipe` is a named pipe in a shared folder; `exec` the engine's multiplexed streams. */
  readonly kind: "pipe" | "exec";
  /** Runs a verb whose output is data. `verb` gets the name of the file to write to. */
  receive(
    verb: (output: string) => HelperVerb,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<HelperReply>;
  /** Runs a verb whose input is data. `verb` gets the name of the file to read from. */
  send(
    verb: (input: string) => HelperVerb,
    source: ByteSource,
    signal: AbortSignal,
  ): Promise<HelperReply>;
}

/** The fastest path that works: the pipe where the helper's `hello` proves it, else execs. */
export async function chooseDataPath(
  session: HelperSession,
  hello: HelperReply,
): Promise<DataPath> {
  const { exchange } = session;
  return exchange !== undefined && (await exchange.proves(hello))
    ? new PipePath(session, exchange)
    : new ExecPath(session);
}

class PipePath implements DataPath {
  readonly kind = "pipe";
  readonly #session: HelperSession;
  readonly #exchange: ExchangeFolder;

  constructor(session: HelperSession, exchange: ExchangeFolder) {
    this.#session = session;
    this.#exchange = exchange;
  }

  async receive(
    verb: (output: string) => HelperVerb,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<HelperReply> {
    // A helper that dies before it has opened the pipe would leave the reader waiting for ever.
    const helperDied = new AbortController();
    const either = AbortSignal.any([signal, helperDied.signal]);
    const reader = await this.#exchange.openForReading(sink, either);
    const { reply } = this.#session.begin(verb(this.#exchange.pipeInHelper));
    reply.catch((error: unknown) => helperDied.abort(error));
    const [answer] = await Promise.all([withSignal(reply, signal), reader.ended]);
    return answer;
  }

  async send(
    verb: (input: string) => HelperVerb,
    source: ByteSource,
    signal: AbortSignal,
  ): Promise<HelperReply> {
    const unblock = await this.#exchange.openForUnblocking();
    try {
      const call = this.#session.begin(verb(this.#exchange.pipeInHelper));
      if (!(await withSignal(call.ready, signal))) return await call.reply;
      const pipe = await this.#exchange.openForWriting().catch(async (error: unknown) => {
        // The reading end is gone again, and the reply says why.
        await withSignal(call.reply, signal);
        throw error;
      });
      await unblock.close();
      return await pump(source, pipe, call, signal);
    } finally {
      await unblock.close();
    }
  }
}

class ExecPath implements DataPath {
  readonly kind = "exec";
  readonly #session: HelperSession;

  constructor(session: HelperSession) {
    this.#session = session;
  }

  async receive(
    verb: (output: string) => HelperVerb,
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<HelperReply> {
    const { output, call } = await this.#session.exec(verb("-"), false, signal);
    addAbortSignal(signal, output.stdout);
    try {
      for await (const chunk of output.stdout as AsyncIterable<Buffer>) await sink(chunk);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
    return withSignal(call.reply, signal);
  }

  async send(
    verb: (input: string) => HelperVerb,
    source: ByteSource,
    signal: AbortSignal,
  ): Promise<HelperReply> {
    const { connection, output, call } = await this.#session.exec(verb("-"), true, signal);
    output.stdout.resume();
    return pump(source, connection, call, signal);
  }
}

/**
 * Moves the data and waits for the reply. When the helper stops reading early, its reply says why;
 * when the source fails, that error counts and not the helper's complaint about what is missing.
 */
async function pump(
  source: ByteSource,
  sink: Writable,
  call: HelperCall,
  signal: AbortSignal,
): Promise<HelperReply> {
  const moved = writeAll(source, sink, signal).catch((error: unknown) => {
    if (error instanceof DockformError) throw error;
  });
  const [reply] = await Promise.all([withSignal(call.reply, signal), moved]);
  return reply;
}

/** Writes one chunk while the next is being made, and ends the sink. */
async function writeAll(source: ByteSource, sink: Writable, signal: AbortSignal): Promise<void> {
  addAbortSignal(signal, sink);
  sink.on("error", () => {});
  let written: Promise<void> = Promise.resolve();
  try {
    for await (const chunk of source) {
      await written;
      written = write(sink, chunk);
      written.catch(() => {});
    }
    await written;
    sink.end();
    if (!sink.writableFinished) await once(sink, "finish");
  } catch (error) {
    sink.destroy();
    throw error;
  }
}

function write(sink: Writable, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    sink.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}
