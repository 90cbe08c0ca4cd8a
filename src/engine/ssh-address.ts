import { DockformError } from "../errors.ts";
import type { EngineEndpoint } from "./endpoint.ts";

/** What an `ssh://` address says. The rest is the business of ssh and its configuration. */
export interface SshAddress {
  /** A name of ~/.ssh/config, or of the network. */
  readonly host: string;
  readonly user: string | undefined;
  readonly port: string | undefined;
  /** The engine's socket on that machine; where it is left out, the one that docker uses there. */
  readonly socketPath: string | undefined;
}

/** @throws DockformError `context.invalid-host` */
export function sshAddress({ context, host: address }: EngineEndpoint): SshAddress {
  const url = URL.parse(address);
  if (url === null || url.hostname === "" || url.search !== "" || url.hash !== "") {
    throw invalid(context, address, "is not a host");
  }
  if (url.password !== "") {
    throw invalid(context, address.replace(/:[^:@/]*@/, ":...@"), "has a password in it");
  }
  const { hostname, port, username, pathname } = url;
  return {
    host: decodeURIComponent(hostname).replace(/^\[(.*)\]$/, "$1"),
    user: username === "" ? undefined : decodeURIComponent(username),
    port: port === "" ? undefined : port,
    socketPath: ["", "/"].includes(pathname) ? undefined : decodeURIComponent(pathname),
  };
}

/** The arguments of ssh that lead there, the host last: it begins no option. */
export function destinationArguments({ host, user, port }: SshAddress): readonly string[] {
  return [
    ...(user === undefined ? [] : ["-l", user]),
    ...(port === undefined ? [] : ["-p", port]),
    "--",
    host,
  ];
}

/** What a person types to get there. */
export function sshCommand({ host, user, port }: SshAddress): string {
  const at = user === undefined ? host : `${user}@${host}`;
  return port === undefined ? `ssh ${at}` : `ssh -p ${port} ${at}`;
}

function invalid(context: string, address: string, why: string): DockformError {
  return new DockformError(
    "context.invalid-host",
    `the address of context "${context}" ${why}: ${address}`,
    {
      hint: "Such an address is ssh://user@host:port, where user and port may be left out; ssh uses keys, and no passwords.",
    },
  );
}
