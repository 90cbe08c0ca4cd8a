import { once } from "node:events";
import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { DockformError } from "../errors.ts";
import type { EngineEndpoint, TlsSettings } from "./endpoint.ts";
import { tlsFailure } from "./tls-failure.ts";
import { readTlsIdentity, type TlsIdentity } from "./tls-files.ts";
import type { Transport } from "./transport.ts";

const PLAIN_PORT = 2375;
const TLS_PORT = 2376;
/** A peer that is gone without a word is found out after this and ten seconds. */
const KEEP_ALIVE_MS = 15_000;
const OPENING_MS = 15_000;

/**
 * @throws DockformError `context.invalid-host` for what is no address, `context.insecure` where the connection would
 * not be secure and nobody has allowed that.
 */
export function tcpTransport(endpoint: EngineEndpoint): Transport {
  const place = tcpPlace(endpoint);
  if (weaknessOf(endpoint) !== undefined && endpoint.allowsInsecure !== true) {
    throw refusal(endpoint);
  }
  return new TcpTransport(endpoint, place);
}

/** Why a connection is not secure; `undefined` where it is, or does not leave this machine. */
export function weaknessOf(endpoint: EngineEndpoint): "plain" | "unverified" | undefined {
  if (!isTcp(endpoint.host)) return undefined;
  const { hostname, tls } = tcpPlace(endpoint);
  if (tls !== undefined) return tls.verifies ? undefined : "unverified";
  return isLoopback(hostname) ? undefined : "plain";
}

/** What {@link weaknessOf} means, for a message. */
export function describeWeakness(weakness: "plain" | "unverified"): string {
  return weakness === "plain"
    ? "is not encrypted: anyone on the way can read the volumes, and become root on the engine's host"
    : "does not check who answers: anyone on the way can pretend to be the engine, and read and change the volumes";
}

export function isTcp(host: string): boolean {
  return /^(tcp|https?):\/\//.test(host);
}

interface TcpPlace {
  readonly hostname: string;
  readonly port: number;
  readonly tls: TlsSettings | undefined;
}

function tcpPlace({ context, host, tls }: EngineEndpoint): TcpPlace {
  const [, scheme = "", address = ""] = /^(\w+):\/\/(.*)$/.exec(host) ?? [];
  const url = URL.parse(`dockform://${address}`);
  const isPlace = url !== null && url.hostname !== "" && url.username === "" && url.search === "";
  if (!isPlace || !["", "/"].includes(url.pathname)) {
    throw new DockformError(
      "context.invalid-host",
      `the address of context "${context}" is not a host and a port: ${host}`,
      { hint: "Such an address is tcp://host:port." },
    );
  }
  // Without certificates of its own the system's authorities decide on an https:// address.
  const secured = tls ?? (scheme === "https" ? { folder: "/", verifies: true } : undefined);
  const port = url.port === "" ? (secured === undefined ? PLAIN_PORT : TLS_PORT) : Number(url.port);
  return { hostname: url.hostname.replace(/^\[(.*)\]$/, "$1"), port, tls: secured };
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(\.\d+){3}$/.test(hostname);
}

function refusal(endpoint: EngineEndpoint): DockformError {
  const weakness = weaknessOf(endpoint) ?? "plain";
  return new DockformError(
    "context.insecure",
    `the connection to ${endpoint.host}, of context "${endpoint.context}", ${describeWeakness(weakness)}`,
    {
      hint: "Use ssh://, or TLS with certificates: a docker context that has them, or DOCKER_CERT_PATH.",
      advice: [{ code: "allow-insecure" }],
    },
  );
}

/** Connections by TCP, with or without TLS over it. */
class TcpTransport implements Transport {
  readonly address: string;
  readonly #endpoint: EngineEndpoint;
  readonly #place: TcpPlace;
  readonly #closing = new AbortController();
  #identity: Promise<TlsIdentity> | undefined;
  #hasCertificate = true;

  constructor(endpoint: EngineEndpoint, place: TcpPlace) {
    this.address = endpoint.host;
    this.#endpoint = { ...endpoint, tls: place.tls };
    this.#place = place;
  }

  async connect(onread?: OnReadOpts): Promise<Socket> {
    const { hostname: host, port, tls } = this.#place;
    const { signal } = this.#closing;
    const options = { host, port, signal, ...(onread === undefined ? {} : { onread }) };
    if (tls === undefined) return untilOpen(connectTcp(options), "connect");
    this.#identity ??= readTlsIdentity(tls);
    const { context, hasCertificate } = await this.#identity;
    this.#hasCertificate = hasCertificate;
    const socket = connectTls({
      ...options,
      // An address is none of the names that may be sent.
      ...(isIP(host) === 0 ? { servername: host } : {}),
      secureContext: context,
      rejectUnauthorized: tls.verifies,
    });
    return untilOpen(socket, "secureConnect");
  }

  /** An engine says only after the handshake what it thinks of this side's certificate. */
  explain(error: unknown): DockformError | undefined {
    if (this.#place.tls === undefined) return undefined;
    return tlsFailure(error, this.#endpoint, this.#hasCertificate);
  }

  close(): void {
    this.#closing.abort();
  }
}

async function untilOpen(socket: Socket, event: "connect" | "secureConnect"): Promise<Socket> {
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  socket.setTimeout(OPENING_MS, () => {
    socket.destroy(new Error(`no connection within ${OPENING_MS / 1000} seconds`));
  });
  await once(socket, event);
  socket.setTimeout(0);
  return socket;
}
