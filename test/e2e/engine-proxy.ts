import { rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { isDeepStrictEqual } from "node:util";

export interface ApiCall {
  readonly method: string;
  /** Without version and query. */
  readonly path: string;
}

/**
 * Stands between the CLI and its engine: notes each call, can change what is sent to the engine, and can answer in
 * its place.
 */
export class EngineProxy implements AsyncDisposable {
  readonly host: string;
  readonly calls: ApiCall[] = [];
  connections = 0;
  /** Calls that fail before the engine hears of them, each once. */
  readonly failing: ApiCall[] = [];
  /** Calls of such a path never reach the engine, and have no answer. */
  stalling: RegExp | undefined;
  readonly #server: Server;
  readonly #socketPath: string;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, socketPath: string) {
    this.#server = server;
    this.#socketPath = socketPath;
    this.host = `unix://${socketPath}`;
  }

  /** @param edit a text and what the engine gets in its place; as long, since lengths are sent, too. */
  static async open(
    engineHost: string,
    socketPath: string,
    edit: readonly [from: string, to: string] = ["", ""],
  ): Promise<EngineProxy> {
    const [from, to] = edit;
    if (from.length !== to.length) throw new Error(`"${to}" is not as long as "${from}"`);
    const server = createServer({ allowHalfOpen: true });
    const proxy = new EngineProxy(server, socketPath);
    server.on("connection", (client) => {
      proxy.connections += 1;
      const engine = connect({ path: engineHost.replace("unix://", ""), allowHalfOpen: true });
      for (const socket of [client, engine]) proxy.#sockets.add(socket);
      client.on("error", () => engine.destroy());
      engine.on("error", () => client.destroy());
      client.on("data", (chunk) => {
        const text = chunk.toString("latin1");
        const fate = proxy.#note(text);
        if (fate === "fails") client.end(FAILURE);
        if (fate === "passes") engine.write(Buffer.from(text.replaceAll(from, to), "latin1"));
      });
      client.on("end", () => engine.end());
      client.on("close", () => engine.destroy());
      engine.pipe(client);
    });
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    return proxy;
  }

  #note(text: string): "fails" | "stalls" | "passes" {
    for (const [, method = "", path = ""] of text.matchAll(REQUEST_LINE)) {
      const call = { method, path: path.replace(/^\/v[\d.]+/, "").replace(/\?.*$/, "") };
      this.calls.push(call);
      if (this.stalling?.test(call.path) === true) return "stalls";
      const i = this.failing.findIndex((failing) => isDeepStrictEqual(failing, call));
      if (i >= 0) {
        this.failing.splice(i, 1);
        return "fails";
      }
    }
    return "passes";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    // An engine keeps the connection to a container that was never started.
    for (const socket of this.#sockets) socket.destroy();
    await rm(this.#socketPath, { force: true });
  }
}

const REQUEST_LINE = /^(GET|HEAD|POST|PUT|DELETE) (\/\S*) HTTP\/1\.1\r$/gm;

const FAILURE =
  'HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n\r\n{"message":"no task: not found"}';
