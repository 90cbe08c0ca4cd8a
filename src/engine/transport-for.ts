import { DockformError } from "../errors.ts";
import type { EngineEndpoint } from "./endpoint.ts";
import { SshTransport } from "./ssh-transport.ts";
import { isTcp, tcpTransport } from "./tcp-transport.ts";
import type { Transport } from "./transport.ts";
import { unixTransport } from "./unix-transport.ts";

/** @throws DockformError `usage` for a scheme that is not supported. */
export function transportFor(endpoint: EngineEndpoint): Transport {
  const { context, host, local } = endpoint;
  const unixPath = /^unix:\/\/(\/.+)$/.exec(host)?.[1];
  if (unixPath !== undefined) return unixTransport(unixPath);
  if (isTcp(host)) return tcpTransport(endpoint);
  if (host.startsWith("ssh://") && local !== undefined) return new SshTransport(endpoint, local);
  throw new DockformError(
    "context.unsupported-host",
    `context "${context}" is at ${host}, which this version cannot reach`,
    { hint: "Use an address with unix://, ssh:// or tcp://." },
  );
}
