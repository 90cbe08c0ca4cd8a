import { request, type ClientRequest, type IncomingMessage } from "node:http";
import { Readable, type Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { withSignal } from "../abort.ts";
import { DockformError, messageOf, systemCode, type Advice } from "../errors.ts";
import { EndlessAnswerError, readText } from "./answer-body.ts";
import { LOOKUP, PING, startTimer, type AnswerLimit } from "./answer-limit.ts";
import { refusesVersion, tooNew, versionFor } from "./api-version.ts";
import type { EngineEndpoint } from "./endpoint.ts";
import { Intake } from "./intake.ts";
import { dockersStatus, isPodmans } from "./podman.ts";
import type { Shape } from "./shape.ts";
import { TransportAgent, type Transport } from "./transport.ts";
import { transportFor } from "./transport-for.ts";

/** More than 5,000 containers need, as an engine lists them. */
const JSON_BYTES = 16 * 1024 * 1024;
const ERROR_BYTES = 1024 * 1024;
const ERROR_CHARACTERS = 2000;
const PONG_BYTES = 1024;
const RAW_STREAM = "application/vnd.docker.raw-stream";

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON, or as an octet stream when it is a Readable. */
  readonly body?: Readonly<Record<string, unknown>> | Readable;
  readonly contentType?: string;
  /** {@link LOOKUP} where it is left out. */
  readonly limit?: AnswerLimit;
  readonly signal?: AbortSignal | undefined;
}

export interface TakeOverOptions extends RequestOptions {
  /**
   * For much output: gets what is read, in memory that is used again when it returns. After a `false`
   * nothing is read until the connection's `resume()`.
   */
  readonly accept?: ((bytes: Buffer) => boolean) | undefined;
}

/** An answer of the engine with a status of 400 or more. */
export class EngineApiError extends DockformError {
  readonly statusCode: number;

  constructor(statusCode: number, message: string) {
    super("engine.request-failed", `the engine answered: ${message}`, { data: { statusCode } });
    this.statusCode = statusCode;
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof EngineApiError && error.statusCode === 404;
}

/** Whether a name is taken, or the container's state does not allow what was asked for. */
export function isConflict(error: unknown): boolean {
  return error instanceof EngineApiError && error.statusCode === 409;
}

/**
 * A thin client of the Docker Engine API (docs.docker.com/reference/api/engine): JSON calls, streamed
 * answers, and connections taken over for raw streams. It knows no resource; those are beside it.
 */
export class EngineClient {
  readonly endpoint: EngineEndpoint;
  readonly #transport: Transport;
  readonly #agent: TransportAgent;
  #apiVersion: Promise<string> | undefined;
  #isPodman = false;

  constructor(endpoint: EngineEndpoint) {
    this.endpoint = endpoint;
    this.#transport = transportFor(endpoint);
    this.#agent = new TransportAgent(this.#transport);
  }

  /**
   * The API version of this conversation: the engine's own, or ours where that is older.
   *
   * @throws DockformError `unreachable` when nothing answers, `failed` when the engine is too old.
   */
  apiVersion(): Promise<string> {
    this.#apiVersion ??= this.#negotiate();
    return this.#apiVersion;
  }

  /** Whether what answers is Podman, which does some things otherwise. */
  async isPodman(signal?: AbortSignal): Promise<boolean> {
    await withSignal(this.apiVersion(), signal);
    return this.#isPodman;
  }

  /**
   * Calls the API and returns what the JSON answer says.
   *
   * @throws DockformError `unreachable` when the answer is of another shape.
   */
  async ask<T>(
    method: string,
    path: string,
    shape: Shape<T>,
    options: RequestOptions = {},
  ): Promise<T> {
    const answer = await this.json(method, path, options);
    try {
      return shape(answer, "");
    } catch (error) {
      throw this.notAnEngine(`${method} ${path}`, error);
    }
  }

  /** Calls the API and parses the JSON answer; `undefined` where the answer is empty. */
  async json(method: string, path: string, options: RequestOptions = {}): Promise<unknown> {
    const { response, body } = await this.#answer(method, path, options);
    const what = `${method} ${path}`;
    using _ = startTimer((options.limit ?? LOOKUP).silenceMs, () => {
      response.destroy(this.notAnEngine(what, "its answer does not end"));
    });
    const text = await this.#textOf(body, JSON_BYTES, what);
    try {
      return text === "" ? undefined : (JSON.parse(text) as unknown);
    } catch {
      throw this.notAnEngine(what, "its answer is not JSON");
    }
  }

  /** Calls the API and hands out the answer's body as it arrives. */
  async stream(method: string, path: string, options: RequestOptions = {}): Promise<Readable> {
    return (await this.#answer(method, path, options)).body;
  }

  /**
   * Calls the API and takes the connection over: bytes written reach the process's stdin, bytes read
   * are its multiplexed output, and ending the stream closes stdin only.
   */
  async takeOver(path: string, options: TakeOverOptions = {}): Promise<Duplex> {
    const version = await withSignal(this.apiVersion(), options.signal);
    const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
    const intake = options.accept && new Intake(options.accept);
    const call = this.#open(
      "POST",
      `/v${version}${path}`,
      options,
      { Connection: "Upgrade", Upgrade: "tcp" },
      intake,
    );
    const limit = this.#limitHead(call, options);
    call.once("upgrade", (_response, socket: Duplex, head: Buffer) => {
      limit[Symbol.dispose]();
      if (intake !== undefined) intake.begin(head);
      else if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    call.once("response", (response) => {
      limit[Symbol.dispose]();
      this.#throwOnStatus(response, this.#body(response, options), `POST ${path}`)
        .then(() => {
          throw new DockformError("engine.no-stream", "the engine did not hand over its stream");
        })
        .catch(reject)
        .finally(() => {
          response.destroy();
          // A connection apart from the shared ones is closed by nobody else.
          if (intake !== undefined) call.socket?.destroy();
        });
    });
    call.on("error", (error) => {
      limit[Symbol.dispose]();
      reject(this.#connectionError(error, options.signal));
    });
    sendBody(call, options, reject);
    return promise;
  }

  /** Closes the connections that are kept open. */
  close(): void {
    this.#agent.destroy();
    this.#transport.close();
  }

  /** What answers in a way that no engine does. */
  notAnEngine(what: string, why: unknown): DockformError {
    return new DockformError(
      "engine.not-an-engine",
      `what answers at ${this.#transport.address}, for context "${this.endpoint.context}", is not a Docker Engine, or it is broken: on ${what}, ${messageOf(why)}`,
      { hint: "Check the context's host, and `docker info`.", advice: [{ code: "choose-engine" }] },
    );
  }

  async #negotiate(): Promise<string> {
    const options = { limit: PING };
    const what = "GET /_ping";
    const response = await this.#send("GET", "/_ping", options);
    const offered = response.headers["api-version"];
    this.#isPodman = isPodmans(response.headers);
    using _ = startTimer(PING.silenceMs, () => {
      response.destroy(this.notAnEngine(what, "its answer does not end"));
    });
    await this.#textOf(this.#body(response, options), PONG_BYTES, what);
    if (response.statusCode !== 200) {
      throw this.notAnEngine(what, `its status is ${response.statusCode}`);
    }
    if (typeof offered !== "string" || !/^\d{1,3}\.\d{1,3}$/.test(offered)) {
      throw this.notAnEngine(what, "it names no API version");
    }
    return versionFor(offered, this.#transport.address);
  }

  #silent(): DockformError {
    return new DockformError(
      "engine.silent",
      `the Docker Engine of context "${this.endpoint.context}" at ${this.#transport.address} does not answer`,
      { hint: "Does it hang? Check with `docker info`, and restart it if that hangs as well." },
    );
  }

  async #answer(
    method: string,
    path: string,
    options: RequestOptions,
  ): Promise<{ readonly response: IncomingMessage; readonly body: Readable }> {
    const version = await withSignal(this.apiVersion(), options.signal);
    const response = await this.#send(method, `/v${version}${path}`, options);
    const body = this.#body(response, options);
    await this.#throwOnStatus(response, body, `${method} ${path}`);
    return { response, body };
  }

  #send(method: string, path: string, options: RequestOptions): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const call = this.#open(method, path, options, {});
    const limit = this.#limitHead(call, options);
    call.once("response", (response) => {
      limit[Symbol.dispose]();
      // What cannot be parsed breaks the answer, and says why only here.
      call.once("error", (error) => response.destroy(error));
      resolve(response);
    });
    call.on("error", (error) => {
      limit[Symbol.dispose]();
      reject(this.#connectionError(error, options.signal));
    });
    sendBody(call, options, reject);
    return promise;
  }

  #limitHead(call: ClientRequest, { limit = LOOKUP }: RequestOptions): Disposable {
    return startTimer(limit.headMs, () => call.destroy(this.#silent()));
  }

  #open(
    method: string,
    path: string,
    options: RequestOptions,
    headers: Readonly<Record<string, string>>,
    intake?: Intake,
  ): ClientRequest {
    const query = new URLSearchParams(options.query).toString();
    return request({
      ...(intake === undefined
        ? { agent: this.#agent }
        : { createConnection: intake.connector(this.#transport) }),
      method,
      path: query === "" ? path : `${path}?${query}`,
      headers: { Host: "docker", ...contentType(options), ...headers },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  }

  /** A connection that breaks inside an answer, or says no more, is like one that is not there. */
  #body(response: IncomingMessage, { limit = LOOKUP, signal }: RequestOptions): Readable {
    const connectionError = (error: unknown): unknown => this.#connectionError(error, signal);
    const silent = (): unknown => response.destroy(this.#silent());
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      const source = (response as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
      try {
        for (;;) {
          const { done, value } = await nextWithin(source, limit.silenceMs, silent);
          if (done) return;
          yield value;
        }
      } catch (error) {
        throw connectionError(error);
      } finally {
        await source.return?.();
      }
    };
    return Readable.from(chunks(), { objectMode: false });
  }

  async #textOf(body: Readable, mostBytes: number, what: string): Promise<string> {
    try {
      return await readText(body, mostBytes);
    } catch (error) {
      throw error instanceof EndlessAnswerError ? this.notAnEngine(what, error) : error;
    }
  }

  /** An engine redirects nobody, and gives its reasons in JSON, unless it was to hand over a stream. */
  async #throwOnStatus(response: IncomingMessage, body: Readable, what: string): Promise<void> {
    const { statusCode = 0 } = response;
    if (statusCode < 300 || statusCode === 304) return;
    if (statusCode < 400) throw this.notAnEngine(what, `its status is ${statusCode}`);
    const said = await this.#textOf(body, ERROR_BYTES, what);
    const message = errorMessage(said);
    const words = (message ?? said.trim()).slice(0, ERROR_CHARACTERS);
    const status = this.#isPodman ? dockersStatus(statusCode, words) : statusCode;
    const decides = status === 404 || status === 409;
    const isRaw = response.headers["content-type"] === RAW_STREAM;
    if (decides && message === undefined && said !== "" && !isRaw) {
      throw this.notAnEngine(what, `its status is ${statusCode}, without a reason in JSON`);
    }
    if (refusesVersion(statusCode, words)) throw tooNew(words, this.#transport.address);
    throw new EngineApiError(status, words || `status ${statusCode}`);
  }

  #connectionError(error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted) return signal.reason;
    if (error instanceof DockformError) return error;
    const explained = this.#transport.explain?.(error);
    if (explained !== undefined) return explained;
    if (systemCode(error)?.startsWith("HPE_")) {
      return this.notAnEngine("a request", "its answer is not HTTP");
    }
    const { address } = this.#transport;
    const isDenied = systemCode(error) === "EACCES";
    const hint = isDenied
      ? "You have no permission to open that socket: run as root, or as a member of the group `docker`."
      : "Is the engine running? Check with `docker info`.";
    const advice: readonly Advice[] = isDenied ? [] : [{ code: "choose-engine" }];
    return new DockformError(
      isDenied ? "engine.access-denied" : "engine.unreachable",
      `cannot reach the Docker Engine of context "${this.endpoint.context}" at ${address}: ${messageOf(error)}`,
      { hint, advice, cause: error },
    );
  }
}

/** Only while it is waited for: whoever reads may take any time. */
async function nextWithin<T>(
  source: AsyncIterator<T>,
  ms: number,
  expire: () => void,
): Promise<IteratorResult<T>> {
  using _ = startTimer(ms, expire);
  return await source.next();
}

function contentType(options: RequestOptions): Record<string, string> {
  if (options.contentType !== undefined) return { "Content-Type": options.contentType };
  if (options.body === undefined) return {};
  return { "Content-Type": isStream(options.body) ? "application/x-tar" : "application/json" };
}

function isStream(body: NonNullable<RequestOptions["body"]>): body is Readable {
  return typeof body["pipe"] === "function";
}

function sendBody(call: ClientRequest, options: RequestOptions, fail: (e: unknown) => void): void {
  const { body } = options;
  if (body === undefined) call.end();
  else if (isStream(body)) pipeline(body, call).catch(fail);
  else call.end(JSON.stringify(body));
}

/** The reason in an error's JSON; proxies in front of an engine answer in plain text. */
function errorMessage(body: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null && "message" in parsed) {
      return String(parsed.message);
    }
  } catch {
    // No JSON.
  }
  return undefined;
}
