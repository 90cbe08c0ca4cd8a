import { Readable, type Duplex } from "node:stream";
import { withSignal } from "../../src/abort.ts";
import {
  EngineApiError,
  EngineClient,
  type RequestOptions,
  type TakeOverOptions,
} from "../../src/engine/client.ts";
import { answer } from "./api.ts";
import type { FakeEngine } from "./engine.ts";
import { FakeConnection } from "./process.ts";

/** A call of the Engine API: `POST /containers/<id>/start`. */
export type Call = string;

/** Where a call is: the engine has not heard of it yet, is at it, or has done it and not said so. */
export type Moment = "asking" | "acting" | "answering";

/**
 * A client of the {@link FakeEngine}, as one process has it. Whatever reaches the engine passes by {@link FakeClient.gate},
 * which can delay it, let it fail, or end the client.
 */
export class FakeClient extends EngineClient {
  readonly calls: Call[] = [];
  /** Waited for at each moment of each call; what it throws the caller gets. */
  gate: (call: Call, moment: Moment) => Promise<void> | void = () => {};
  readonly #engine: FakeEngine;
  readonly #connections = new Set<FakeConnection>();
  /** Resolves when it dies. */
  readonly died: Promise<"died">;
  readonly #death = Promise.withResolvers<"died">();
  #isDead = false;

  constructor(engine: FakeEngine) {
    super({ context: "default", host: "unix:///nowhere" });
    this.#engine = engine;
    this.died = this.#death.promise;
  }

  /** As by SIGKILL: its connections close, and no call of it ever begins or returns again. */
  die(): void {
    this.#isDead = true;
    for (const connection of this.#connections) connection.sever();
    this.#death.resolve("died");
  }

  /** Lets the next calls of a kind fail, once each, before the engine hears of them. */
  failNext(pattern: RegExp, ...failures: readonly (number | Error)[]): void {
    const left = [...failures];
    const { gate } = this;
    this.gate = (call, moment) => {
      const failure = moment === "asking" && pattern.test(call) ? left.shift() : undefined;
      if (failure === undefined) return gate(call, moment);
      throw failure instanceof Error ? failure : new EngineApiError(failure, "told to fail");
    };
  }

  override apiVersion(): Promise<string> {
    return Promise.resolve("1.41");
  }

  override async json(
    method: string,
    path: string,
    options: RequestOptions = {},
  ): Promise<unknown> {
    const { query = {}, body = {}, signal } = options;
    const call = { method, path, query, body: JSON.stringify(body) };
    const found = await this.#pass(`${method} ${path}`, () => answer(this.#engine, call), signal);
    // As over the wire.
    return found === undefined ? undefined : (JSON.parse(JSON.stringify(found)) as unknown);
  }

  /** Of the streamed answers only that of a log. */
  override async stream(
    method: string,
    path: string,
    options: RequestOptions = {},
  ): Promise<Readable> {
    const id = /^\/containers\/([^/]+)\/logs$/.exec(path)?.[1];
    if (id === undefined) throw new Error(`the fake engine does not know ${method} ${path}`);
    const find = (): readonly Buffer[] => this.#engine.container(id).log;
    const log = await this.#pass(`${method} ${path}`, find, options.signal);
    return Readable.from(log, { objectMode: false });
  }

  override async takeOver(path: string, options: TakeOverOptions = {}): Promise<Duplex> {
    const [, kind, id = ""] = /^\/(containers|exec)\/([^/]+)\/(?:attach|start)$/.exec(path) ?? [];
    const connection = new FakeConnection(options.accept);
    const take = (): void => {
      if (kind === "exec") this.#engine.startExec(id, connection);
      else this.#engine.attach(id, connection);
      this.#connections.add(connection);
      connection.once("close", () => this.#connections.delete(connection));
    };
    await this.#pass(`POST ${path}`, take, options.signal);
    return connection;
  }

  async #pass<T>(
    call: Call,
    act: () => T | Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<Awaited<T>> {
    signal?.throwIfAborted();
    await this.#stayAlive();
    const passed = this.#through(call, act);
    // Whoever stops waiting does not hear of it any more.
    passed.catch(() => {});
    return withSignal(passed, signal);
  }

  async #through<T>(call: Call, act: () => T | Promise<T>): Promise<Awaited<T>> {
    await this.gate(call, "asking");
    await this.#stayAlive();
    this.calls.push(call);
    const acted = (async () => act())();
    acted.catch(() => {});
    await this.gate(call, "acting");
    try {
      return await acted;
    } finally {
      await this.gate(call, "answering");
      await this.#stayAlive();
    }
  }

  /** Of a client that is dead nothing comes any more. */
  async #stayAlive(): Promise<void> {
    if (this.#isDead) await new Promise(() => {});
  }
}
