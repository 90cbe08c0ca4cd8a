import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { PrivateEngine } from "./private-engine.ts";

/** Run in the engine's network: hands what comes in by a Unix socket to a port there. */
const RELAY = `
const net = require("node:net");
const [path, port] = process.argv.slice(1);
net.createServer({ allowHalfOpen: true }, (from) => {
  const to = net.connect({ port: Number(port), host: "127.0.0.1", allowHalfOpen: true });
  from.on("error", () => to.destroy()).pipe(to).on("error", () => from.destroy()).pipe(from);
}).listen(path, () => console.log("listening"));
process.stdin.resume().on("end", () => process.exit());
`;

/** A port of this machine that leads to one of a private engine, which has a network of its own. */
export interface WayIn extends AsyncDisposable {
  readonly port: number;
}

export async function openWayIn(engine: PrivateEngine, enginePort: number): Promise<WayIn> {
  const path = join(engine.folder, `way-in-${enginePort}.sock`);
  const network = `--net=/proc/${await engine.pid()}/ns/net`;
  const args = [network, process.execPath, "-e", RELAY, path, String(enginePort)];
  const relay = spawn("nsenter", args, { stdio: ["pipe", "pipe", "inherit"] });
  await once(relay.stdout, "data");
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (from) => {
    const to = connect({ path, allowHalfOpen: true });
    for (const socket of [from, to]) {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    }
    from.on("error", () => to.destroy()).pipe(to);
    to.on("error", () => from.destroy()).pipe(from);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      relay.stdin.end();
      if (relay.exitCode === null) await once(relay, "exit");
    },
  };
}
