import { request, type ClientRequest, type IncomingMessage } from "node:http";
import { Readable, type Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { withSignal } from "../abort.ts";
import { DockformError, messageOf, systemCode, type Advice } from "../errors.ts";
import type { EngineEndpoint } from "./endpoint.ts";
import { Intake } from "./intake.ts";
import { transportFor, type Transport } from "./transport.ts";

/** The newest Engine API version whose behaviour this client was written for. */
const NEWEST_API_VERSION = "1.47";
/** Docker 19.03, the oldest with everything the helper container asks for. */
const OLDEST_API_VERSION = "1.40";

const PING_TIMEOUT_MS = 30_000;

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string>>;
  /** Sent as JSON, or as an octet stream when it is a Readable. */
  readonly body?: Readonly<Record<string, unknown>> | Readable;
  readonly contentType?: string;
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
  #apiVersion: Promise<string> | undefined;

  constructor(endpoint: EngineEndpoint) {
    this.endpoint = endpoint;
    this.#transport = transportFor(endpoint);
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

  /** Calls the API and parses the JSON answer; `undefined` where the answer is empty. */
  async json<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const body = await text(await this.stream(method, path, options));
    // The engine's answers are trusted to have the documented shape.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return (body === "" ? undefined : JSON.parse(body)) as T;
  }

  /** Calls the API and hands out the answer's body as it arrives. */
  async stream(method: string, path: string, options: RequestOptions = {}): Promise<Readable> {
    const version = await withSignal(this.apiVersion(), options.signal);
    const response = await this.#send(method, `/v${version}${path}`, options);
    const body = this.#body(response, options.signal);
    await throwOnErrorStatus(response, body);
    return body;
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
    call.once("upgrade", (_response, socket: Duplex, head: Buffer) => {
      if (intake !== undefined) intake.begin(head);
      else if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    call.once("response", (response) => {
      throwOnErrorStatus(response, this.#body(response, options.signal))
        .then(() => {
          throw new DockformError("engine.no-stream", "the engine did not hand over its stream");
        })
        .catch(reject)
        .finally(() => {
          // A connection apart from the shared ones is closed by nobody else.
          if (intake !== undefined) call.socket?.destroy();
        });
    });
    call.once("error", (error) => reject(this.#connectionError(error, options.signal)));
    sendBody(call, options, reject);
    return promise;
  }

  /** Closes the connections that are kept open. */
  close(): void {
    this.#transport.agent.destroy();
  }

  async #negotiate(): Promise<string> {
    const signal = AbortSignal.timeout(PING_TIMEOUT_MS);
    const response = await this.#send("GET", "/_ping", { signal }).catch((error: unknown) => {
      throw signal.aborted ? this.#noAnswer() : error;
    });
    response.resume();
    const offered = response.headers["api-version"];
    if (typeof offered !== "string" || compareVersions(offered, OLDEST_API_VERSION) < 0) {
      throw new DockformError(
        "engine.too-old",
        `the engine at ${this.#transport.address} offers API version ${String(offered)}`,
        { hint: `Use an engine with API version ${OLDEST_API_VERSION} or later (Docker 19.03).` },
      );
    }
    return compareVersions(offered, NEWEST_API_VERSION) < 0 ? offered : NEWEST_API_VERSION;
  }

  #noAnswer(): DockformError {
    return new DockformError(
      "engine.silent",
      `the Docker Engine of context "${this.endpoint.context}" at ${this.#transport.address} does not answer`,
      { hint: "Is it hanging? Check with `docker info`, and restart it if that hangs, too." },
    );
  }

  #send(method: string, path: string, options: RequestOptions): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const call = this.#open(method, path, options, {});
    call.once("response", resolve);
    call.once("error", (error) => reject(this.#connectionError(error, options.signal)));
    sendBody(call, options, reject);
    return promise;
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
        ? { agent: this.#transport.agent }
        : { createConnection: () => intake.connect(this.#transport) }),
      method,
      path: query === "" ? path : `${path}?${query}`,
      headers: { Host: "docker", ...contentType(options), ...headers },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  }

  /** A connection that breaks inside an answer is like one that is not there. */
  #body(response: IncomingMessage, signal: AbortSignal | undefined): Readable {
    const connectionError = (error: unknown): unknown => this.#connectionError(error, signal);
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield* response as AsyncIterable<Uint8Array>;
      } catch (error) {
        throw connectionError(error);
      }
    };
    return Readable.from(chunks(), { objectMode: false });
  }

  #connectionError(error: unknown, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted) return signal.reason;
    const { address } = this.#transport;
    const isDenied = systemCode(error) === "EACCES";
    const hint = isDenied
      ? "You may not open that socket: run as root, or as a member of the group `docker`."
      : "Is the engine running? Check with `docker info`.";
    const advice: readonly Advice[] = isDenied ? [] : [{ code: "choose-engine" }];
    return new DockformError(
      isDenied ? "engine.access-denied" : "engine.unreachable",
      `cannot reach the Docker Engine of context "${this.endpoint.context}" at ${address}: ${messageOf(error)}`,
      { hint, advice, cause: error },
    );
  }
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

async function throwOnErrorStatus(
  { statusCode = 0 }: IncomingMessage,
  body: Readable,
): Promise<void> {
  if (statusCode < 400) return;
  const message = errorMessage(await text(body));
  throw new EngineApiError(statusCode, message || `status ${statusCode}`);
}

function errorMessage(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null && "message" in parsed) {
      return String(parsed.message);
    }
  } catch {
    // Proxies in front of an engine answer in plain text.
  }
  return body.trim();
}

/** Compares `1.41` with `1.9` by number, not by letter. */
export function compareVersions(a: string, b: string): number {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
