import { once } from "node:events";
import { connect, type OnReadOpts, type Socket } from "node:net";
import type { Transport } from "./transport.ts";

/** A socket of this machine. */
export function unixTransport(path: string): Transport {
  return {
    address: `unix://${path}`,
    connect: (onread) => connectUnix(path, onread),
    close: () => {},
  };
}

async function connectUnix(path: string, onread: OnReadOpts | undefined): Promise<Socket> {
  const socket = connect({ path, ...(onread === undefined ? {} : { onread }) });
  await once(socket, "connect");
  return socket;
}
