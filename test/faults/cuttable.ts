/** A way to an engine that can be cut: what a client's connection is when its network fails. */
import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";

export class CuttableConnection implements AsyncDisposable {
  /** As in DOCKER_HOST. */
  readonly host: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #refusesNew = false;

  private constructor(host: string, server: Server) {
    this.host = host;
    this.#server = server;
  }

  /** @param to the engine's socket. */
  static async open(path: string, to: string): Promise<CuttableConnection> {
    const server = createServer({ allowHalfOpen: true });
    const connection = new CuttableConnection(`unix://${path}`, server);
    server.on("connection", (client: Socket) => connection.#join(client, to));
    await once(server.listen(path), "listening");
    return connection;
  }

  /** Every connection is gone at once; with `forGood` there will be no other. */
  cut(forGood: boolean): void {
    this.#refusesNew = forGood;
    for (const socket of this.#sockets) socket.destroy(new Error("cut"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut(true);
    this.#server.close();
    await once(this.#server, "close");
  }

  #join(client: Socket, to: string): void {
    if (this.#refusesNew) {
      client.destroy();
      return;
    }
    const engine = createConnection({ path: to, allowHalfOpen: true });
    for (const [one, other] of [
      [client, engine],
      [engine, client],
    ] as const) {
      this.#sockets.add(one);
      one.on("error", () => {});
      one.once("close", (failed) => {
        this.#sockets.delete(one);
        // What the other is still to be sent must arrive.
        if (failed) other.destroy();
        else other.end();
      });
      one.pipe(other);
    }
  }
}
