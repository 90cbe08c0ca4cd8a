import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { withSignal } from "../abort.ts";
import type { ByteSource } from "../byte-source.ts";
import { startTimer } from "../engine/answer-limit.ts";
import type { ByteSink } from "../engine/sink-buffers.ts";
import { DockformError, messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { StreamVerb, VolumeAgent } from "./agent.ts";
import type { ExchangeFolder } from "./exchange.ts";
import { causeIn, type HelperCall, type HelperReply, type OnHelperProgress } from "./reply.ts";
import type { HelperSession } from "./session.ts";
import type { Hello } from "./verbs.ts";

/** For a verb whose input has ended, or that is about to open it. */
const VERB_END_TIMEOUT_MS = 60_000;

/** How archive bytes travel between the helper and this client. */
export interface DataPath extends Pick<VolumeAgent, "send" | "receive"> {
  /** `pipe` is a named pipe in a shared folder; `exec` the engine's multiplexed streams. */
  readonly kind: "pipe" | "exec";
}

/** The fastest path that works: the pipe where the helper's `hello` proves it, else execs. */
export async function chooseDataPath(
  session: HelperSession,
  hello: Hello,
  log: Log,
): Promise<DataPath> {
  const { exchange } = session;
  const execs = new ExecPath(session);
  return exchange !== undefined && (await exchange.proves(hello))
    ? new PipePath(session, exchange, execs, log)
    : execs;
}

/**
 * Where either side cannot open the pipe after all, nothing has moved yet, and execs take its place.
 */
class PipePath implements DataPath {
  readonly kind = "pipe";
  readonly #session: HelperSession;
  readonly #exchange: ExchangeFolder;
  readonly #execs: DataPath;
  readonly #log: Log;

  constructor(session: HelperSession, exchange: ExchangeFolder, execs: DataPath, log: Log) {
    this.#session = session;
    this.#exchange = exchange;
    this.#execs = execs;
    this.#log = log;
  }

  async receive(
    verb: StreamVerb,
    sink: ByteSink,
    signal: AbortSignal,
    onProgress?: OnHelperProgress,
  ): Promise<HelperReply> {
    // A helper that never opens the pipe would leave the reader waiting for ever.
    const noWriter = new AbortController();
    const either = AbortSignal.any([signal, noWriter.signal]);
    const reader = await this.#opened(this.#exchange.openForReading(sink, either), signal);
    if (reader === undefined) return this.#execs.receive(verb, sink, signal, onProgress);
    reader.ended.catch(() => {});
    const call = this.#session.begin(verb(this.#exchange.pipeInHelper), onProgress);
    call.reply.catch((error: unknown) => noWriter.abort(error));
    if (await withSignal(call.ready, signal)) {
      const reply = await Promise.race([withSignal(call.reply, signal), failureOf(reader.ended)]);
      // A writing end that somebody else holds open would keep it from its end for ever.
      using _ = startTimer(VERB_END_TIMEOUT_MS, () => noWriter.abort(endless()));
      await reader.ended;
      return reply;
    }
    noWriter.abort();
    this.#giveUp(causeIn(await call.reply));
    return this.#execs.receive(verb, sink, signal, onProgress);
  }

  async send(
    verb: StreamVerb,
    source: ByteSource,
    signal: AbortSignal,
    onProgress?: OnHelperProgress,
  ): Promise<HelperReply> {
    const unblock = await this.#opened(this.#exchange.openForUnblocking(), signal);
    if (unblock === undefined) return this.#execs.send(verb, source, signal, onProgress);
    try {
      const call = this.#session.begin(verb(this.#exchange.pipeInHelper), onProgress);
      // Without the signal: a verb that has begun is not left to itself.
      const limit = AbortSignal.timeout(VERB_END_TIMEOUT_MS);
      if (!(await withSignal(call.ready, limit))) {
        this.#giveUp(causeIn(await call.reply));
        return await this.#execs.send(verb, source, signal, onProgress);
      }
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

  /** The client's end of the pipe; `undefined` where it does not open. */
  async #opened<T>(opening: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
    try {
      return await opening;
    } catch (error) {
      signal.throwIfAborted();
      this.#giveUp(messageOf(error));
      return undefined;
    }
  }

  #giveUp(why: string): void {
    this.#log.debug(`the pipe does not open, data goes by exec: ${why}`);
  }
}

/** Never resolves; rejects where the promise does. */
async function failureOf(promise: Promise<unknown>): Promise<never> {
  await promise;
  return new Promise<never>(() => {});
}

function endless(): DockformError {
  return new DockformError(
    "helper.ended",
    "the helper has ended its work, but the pipe that its data came through stays open",
    { hint: "Run the command again. If that happens again, restart the engine." },
  );
}

class ExecPath implements DataPath {
  readonly kind = "exec";
  readonly #session: HelperSession;

  constructor(session: HelperSession) {
    this.#session = session;
  }

  async receive(
    verb: StreamVerb,
    sink: ByteSink,
    signal: AbortSignal,
    onProgress?: OnHelperProgress,
  ): Promise<HelperReply> {
    const options = { signal, onProgress };
    const { ended, call } = await this.#session.receiveByExec(verb("-"), sink, options);
    await ended;
    return withSignal(call.reply, signal);
  }

  async send(
    verb: StreamVerb,
    source: ByteSource,
    signal: AbortSignal,
    onProgress?: OnHelperProgress,
  ): Promise<HelperReply> {
    const options = { signal, onProgress };
    const { connection, call } = await this.#session.sendByExec(verb("-"), options);
    return pump(source, connection, call, signal);
  }
}

/**
 * Moves the data and waits for the reply. When the helper stops reading early, its reply says why;
 * when the source fails, that error counts and not the helper's complaint about what is missing.
 *
 * A failure, or an abort, ends the verb's input and waits for the verb to end by itself: what tidies up
 * after it must not run beside it.
 */
async function pump(
  source: ByteSource,
  sink: Writable,
  call: HelperCall,
  signal: AbortSignal,
): Promise<HelperReply> {
  sink.on("error", () => {});
  try {
    const moved = writeAll(source, sink, signal).catch((error: unknown) => {
      // A sink that failed first does so because the verb is over, and the reply says why.
      if (error instanceof DockformError || !sink.destroyed) throw error;
    });
    // A verb that is over reads nothing any more, and an exec's connection does not say so.
    const replied = withSignal(call.reply, signal).then((reply) => {
      sink.destroy();
      return reply;
    });
    const [reply] = await Promise.all([replied, moved]);
    return reply;
  } catch (error) {
    sink.end();
    await withSignal(call.reply, AbortSignal.timeout(VERB_END_TIMEOUT_MS)).catch(() => {});
    throw error;
  } finally {
    sink.destroy();
  }
}

/** Writes one chunk while the next is being made, and ends the sink. */
async function writeAll(source: ByteSource, sink: Writable, signal: AbortSignal): Promise<void> {
  let written: Promise<void> = Promise.resolve();
  for await (const chunk of source) {
    await withSignal(written, signal);
    written = write(sink, chunk);
    written.catch(() => {});
  }
  await withSignal(written, signal);
  sink.end();
  await withSignal(finished(sink, { readable: false }), signal);
}

function write(sink: Writable, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    sink.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}
