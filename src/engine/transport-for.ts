import { DockformError } from "../errors.ts";
import type { EngineEndpoint } from "./endpoint.ts";
import { isTcp, tcpTransport } from "./tcp-transport.ts";
import type { Transport } from "./transport.ts";
import { unixTransport } from "./unix-transport.ts";

/** @throws DockformError `usage` for a scheme that is not supported. */
export function transportFor(endpoint: EngineEndpoint): Transport {
  const unixPath = /^unix:\/\/(\/.+)$/.exec(endpoint.host)?.[1];
  if (unixPath !== undefined) return unixTransport(unixPath);
  if (isTcp(endpoint.host)) return tcpTransport(endpoint);
  throw new DockformError(
    "context.unsupported-host",
    `context "${endpoint.context}" is at ${endpoint.host}, which this version cannot reach`,
    { hint: "Use an address with unix://, ssh:// or tcp://." },
  );
}
