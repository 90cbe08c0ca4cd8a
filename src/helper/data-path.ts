import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { withSignal } from "../abort.ts";
import type { ExchangeFolder } from "./exchange.ts";
import type { HelperCall, HelperReply } from "./reply.ts";
import type { HelperSession, HelperVerb } from "./session.ts";

/** Bytes that a verb of the helper produces, and its reply when they are at their end. */
export interface IncomingData {
  readonly data: Readable;
  readonly reply: Promise<HelperReply>;
}

/** How archive bytes travel between the helper and this client. */
export interface DataPath {
  /** `pipe` is a named pipe in a shared folder; `exec` the engine's multiplexed streams. */
  readonly kind: "pipe" | "exec";
  /** Runs a verb whose output is data. `verb` gets the name of the sink to write to. */
  receive(verb: (sink: string) => HelperVerb, signal: AbortSignal): Promise<IncomingData>;
  /** Runs a verb whose input is data, and waits for its reply. */
  send(
    verb: (source: string) => HelperVerb,
    data: Readable,
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

  async receive(verb: (sink: string) => HelperVerb): Promise<IncomingData> {
    const data = await this.#exchange.openForReading();
    const { reply } = this.#session.begin(verb(this.#exchange.pipeInHelper));
    // A helper that dies before it has opened the pipe would leave the reader waiting for ever.
    reply.catch((error: Error) => data.destroy(error));
    return { data, reply };
  }

  async send(
    verb: (source: string) => HelperVerb,
    data: Readable,
    signal: AbortSignal,
  ): Promise<HelperReply> {
    const unblock = await this.#exchange.openForUnblocking();
    try {
      const call = this.#session.begin(verb(this.#exchange.pipeInHelper));
      if (!(await withSignal(call.ready, signal))) return await call.reply;
      const pipe = await this.#exchange.openForWriting();
      await unblock.close();
      return await pump(data, pipe, call, signal);
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

  async receive(verb: (sink: string) => HelperVerb, signal: AbortSignal): Promise<IncomingData> {
    const exec = await this.#session.exec(verb("-"), false, signal);
    return { data: exec.output.stdout, reply: exec.call.reply };
  }

  async send(
    verb: (source: string) => HelperVerb,
    data: Readable,
    signal: AbortSignal,
  ): Promise<HelperReply> {
    const exec = await this.#session.exec(verb("-"), true, signal);
    exec.output.stdout.resume();
    return pump(data, exec.connection, exec.call, signal);
  }
}

/**
 * Moves the data and waits for the reply. When the helper stops reading early, its reply says why;
 * when the source fails, that error counts and not the helper's complaint about what is missing.
 */
async function pump(
  data: Readable,
  sink: NodeJS.WritableStream,
  call: HelperCall,
  signal: AbortSignal,
): Promise<HelperReply> {
  const sourceFailed = Promise.withResolvers<never>();
  sourceFailed.promise.catch(() => {});
  data.once("error", sourceFailed.reject);
  const moved = pipeline(data, sink, { signal }).catch(() => {});
  const reply = await withSignal(Promise.race([call.reply, sourceFailed.promise]), signal);
  await moved;
  return reply;
}
