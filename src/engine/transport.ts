import { Agent } from "node:http";
import { connect, type OnReadOpts, type Socket } from "node:net";
import { DockformError } from "../errors.ts";
import type { EngineEndpoint } from "./endpoint.ts";

/**
 * How HTTP reaches an engine. A transport hands out connections and nothing else, so that another
 * one (TLS, a command's stdin and stdout over ssh) changes no caller.
 */
export interface Transport {
  /** Opens the connections; `keepAlive`, so that a command pays for one only. */
  readonly agent: Agent;
  /** Opens a connection apart from those, which is read as `onread` says. */
  connect(onread: OnReadOpts): Socket;
  /** What the connection is made to, for messages. */
  readonly address: string;
}

/** @throws DockformError `usage` for a scheme that is not supported. */
export function transportFor(endpoint: EngineEndpoint): Transport {
  const unixPath = /^unix:\/\/(\/.+)$/.exec(endpoint.host)?.[1];
  if (unixPath === undefined) {
    throw new DockformError(
      "context.unsupported-host",
      `context "${endpoint.context}" is at ${endpoint.host}, which this version cannot reach`,
      { hint: "Use a context whose host is unix:///path/to/docker.sock." },
    );
  }
  return {
    agent: new UnixSocketAgent(unixPath),
    connect: (onread) => connect({ path: unixPath, onread }),
    address: endpoint.host,
  };
}

class UnixSocketAgent extends Agent {
  readonly #path: string;

  constructor(path: string) {
    super({ keepAlive: true });
    this.#path = path;
  }

  override createConnection(): ReturnType<typeof connect> {
    return connect(this.#path);
  }
}
