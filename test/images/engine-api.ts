/**
 * A small client of the Engine API for tests of images. It shares nothing with
 * the product's client, so that a test never judges the product by itself.
 */
import { randomBytes } from "node:crypto";
import { request, type IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";

/** Everything made on an engine is called so, that leftovers can be told. */
export const PREFIX = "dockform-test-";

export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ContainerOptions {
  readonly image: string;
  /** The image's own command when left out. */
  readonly command?: readonly string[];
  /** The same of the image's entry point. */
  readonly entrypoint?: readonly string[];
  /** Volume or folder to path inside; a volume that is not there is made. */
  readonly mounts?: Readonly<Record<string, string>>;
  readonly user?: string;
}

/** A volume that goes away at the end of its scope. */
export interface Volume extends AsyncDisposable {
  readonly name: string;
}

/** A container that should end by itself and does not must not hold up its test for ever. */
const RUN_TIMEOUT_MS = 60_000;
const FRAME_HEADER_BYTES = 8;
const POLL_MS = 100;

export function uniqueName(): string {
  return `${PREFIX}${randomBytes(6).toString("hex")}`;
}

/** An engine behind a unix socket. */
export class EngineApi {
  readonly #socketPath: string;

  /** @param host as in DOCKER_HOST, `unix://` only */
  constructor(host: string) {
    if (!host.startsWith("unix://")) throw new Error(`not a unix socket: ${host}`);
    this.#socketPath = host.slice("unix://".length);
  }

  /** Sends a request and fails with the engine's own words when it is refused. */
  async send(
    method: string,
    path: string,
    body?: Readable | object,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const raw = body instanceof Readable;
    const type = raw ? "application/x-tar" : "application/json";
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = body === undefined ? {} : { "Content-Type": type };
      const socketPath = this.#socketPath;
      const options = { socketPath, method, path, headers, signal, agent: false };
      const outgoing = request(options, resolve).once("error", reject);
      if (raw) body.once("error", reject).pipe(outgoing);
      else outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
    if ((response.statusCode ?? 500) < 400) return response;
    const answer = (await buffer(response)).toString();
    throw new Error(`${method} ${path}: ${String(response.statusCode)} ${answer}`);
  }

  /** The same where the answer does not matter. */
  async order(method: string, path: string, body?: object): Promise<void> {
    await buffer(await this.send(method, path, body));
  }

  /** The same where the answer is JSON of a known shape. */
  async ask<T>(method: string, path: string, body?: object, signal?: AbortSignal): Promise<T> {
    const answer: T = JSON.parse(await text(await this.send(method, path, body, signal)));
    return answer;
  }

  async container(options: ContainerOptions): Promise<Container> {
    const name = uniqueName();
    await this.order("POST", `/containers/create?name=${name}`, {
      Image: options.image,
      Cmd: options.command,
      Entrypoint: options.entrypoint,
      User: options.user,
      HostConfig: {
        Binds: Object.entries(options.mounts ?? {}).map(([from, to]) => `${from}:${to}`),
        NetworkMode: "none",
      },
    });
    await this.order("POST", `/containers/${name}/start`);
    return new Container(this, name);
  }

  /** Runs a container to its end. */
  async run(options: ContainerOptions): Promise<Output> {
    await using container = await this.container(options);
    const path = `/containers/${container.name}/wait`;
    const limit = AbortSignal.timeout(RUN_TIMEOUT_MS);
    const ended = await this.ask<{ StatusCode: number }>("POST", path, undefined, limit);
    return { exitCode: ended.StatusCode, ...(await container.logs()) };
  }

  async volume(): Promise<Volume> {
    const name = uniqueName();
    await this.order("POST", "/volumes/create", { Name: name });
    return { name, [Symbol.asyncDispose]: () => this.order("DELETE", `/volumes/${name}`) };
  }
}

/** A container that goes away, with its anonymous volumes, at the end of its scope. */
export class Container implements AsyncDisposable {
  readonly name: string;
  readonly #engine: EngineApi;

  constructor(engine: EngineApi, name: string) {
    this.#engine = engine;
    this.name = name;
  }

  async exec(command: readonly string[]): Promise<Output> {
    const path = `/containers/${this.name}/exec`;
    const { Id: id } = await this.#engine.ask<{ Id: string }>("POST", path, {
      Cmd: command,
      AttachStdout: true,
      AttachStderr: true,
    });
    const started = await this.#engine.send("POST", `/exec/${id}/start`, { Detach: false });
    const output = demultiplex(await buffer(started));
    const ended = await this.#engine.ask<{ ExitCode: number }>("GET", `/exec/${id}/json`);
    return { exitCode: ended.ExitCode, ...output };
  }

  /** Repeats a command until it succeeds, as one does to wait for a server. */
  async execUntilSuccess(command: readonly string[], timeoutMs: number): Promise<Output> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const output = await this.exec(command).catch((error: unknown) => ({
        exitCode: -1,
        stdout: "",
        stderr: String(error),
      }));
      if (output.exitCode === 0) return output;
      if (Date.now() > deadline) {
        const { stdout, stderr } = await this.logs();
        throw new Error(`not ready: ${output.stderr}\n${stdout}\n${stderr}`);
      }
      await sleep(POLL_MS);
    }
  }

  async logs(): Promise<Pick<Output, "stdout" | "stderr">> {
    const path = `/containers/${this.name}/logs?stdout=1&stderr=1`;
    return demultiplex(await buffer(await this.#engine.send("GET", path)));
  }

  async stop(): Promise<void> {
    await this.#engine.order("POST", `/containers/${this.name}/stop`);
  }

  async start(): Promise<void> {
    await this.#engine.order("POST", `/containers/${this.name}/start`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#engine.order("DELETE", `/containers/${this.name}?force=1&v=1`);
  }
}

/** Takes apart the stream in which the engine mixes a container's two outputs. */
function demultiplex(stream: Buffer): Pick<Output, "stdout" | "stderr"> {
  const parts: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
  for (let at = 0; at + FRAME_HEADER_BYTES <= stream.length;) {
    const end = at + FRAME_HEADER_BYTES + stream.readUInt32BE(at + 4);
    const kind = stream[at] === 2 ? "stderr" : "stdout";
    parts[kind].push(stream.subarray(at + FRAME_HEADER_BYTES, end));
    at = end;
  }
  return {
    stdout: Buffer.concat(parts.stdout).toString(),
    stderr: Buffer.concat(parts.stderr).toString(),
  };
}
