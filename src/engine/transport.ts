import { Agent } from "node:http";
import type { OnReadOpts, Socket } from "node:net";
import { PassThrough, type Duplex } from "node:stream";
import type { DockformError } from "../errors.ts";

/**
 * How HTTP reaches an engine. A transport hands out connections and nothing else, so that another
 * one changes no caller.
 */
export interface Transport {
  /** What the connection is made to, for messages. */
  readonly address: string;
  /**
   * Opens a connection. It is read as `onread` says, where that is given.
   *
   * @throws DockformError where the transport knows more than the system's words.
   */
  connect(onread?: OnReadOpts): Promise<Socket>;
  /** What an error of a connection means, where that is known here. */
  explain?(error: unknown): DockformError | undefined;
  /** Ends what serves all connections; those that are open may break. */
  close(): void;
}

/** Keeps connections open, so that a command pays for few. */
export class TransportAgent extends Agent {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    super({ keepAlive: true });
    this.#transport = transport;
  }

  override createConnection(_options: unknown, created?: Created): undefined {
    if (created !== undefined) handOver(this.#transport.connect(), created);
  }
}

type Created = (error: Error | null, connection: Duplex) => void;

/** Gives `node:http` a connection once it is open. */
export function handOver(connecting: Promise<Duplex>, created: Created): void {
  connecting.then(
    (connection) => created(null, connection),
    // Only the types demand a connection where there is an error.
    (error: Error) => created(error, new PassThrough()),
  );
}
