import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { EngineClient } from "./client.ts";
import type { EngineEndpoint } from "./endpoint.ts";
import { transportFor } from "./transport-for.ts";

const TLS = { folder: "/certificates", verifies: true };

test("a connection that anybody can read or answer needs to be allowed, unless it stays here", () => {
  const attempt =
    (host: string, more: Partial<EngineEndpoint> = {}): (() => void) =>
    () =>
      transportFor({ context: "far", host, ...more }).close();
  const refused = { code: "context.insecure", exitCode: 3 };
  assert.throws(attempt("tcp://far:2375"), { ...refused, message: /tcp:\/\/far:2375.*encrypted/ });
  assert.throws(attempt("tcp://localhost.example:2375"), refused);
  assert.throws(attempt("http://far"), refused);
  assert.throws(attempt("tcp://far", { tls: { ...TLS, verifies: false } }), {
    ...refused,
    message: /check who answers/,
  });
  attempt("tcp://far", { allowsInsecure: true })();
  attempt("tcp://far", { tls: TLS })();
  attempt("https://far")();
  for (const here of ["127.0.0.1", "127.1.2.3", "[::1]", "localhost"]) attempt(`tcp://${here}`)();
});

test("an address by TCP is a host and a port", () => {
  for (const host of ["tcp://", "tcp://far:port", "tcp://me@far", "tcp://far/path", "tcp://f?x"]) {
    assert.throws(() => transportFor({ context: "far", host }), {
      code: "context.invalid-host",
      exitCode: 2,
    });
  }
});

test("an engine is asked by plain TCP", async () => {
  const server = createServer((socket) => {
    socket.end("HTTP/1.1 200 OK\r\nApi-Version: 1.47\r\nContent-Length: 0\r\n\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const client = new EngineClient({ context: "near", host: `tcp://127.0.0.1:${address.port}` });
  assert.equal(await client.apiVersion(), "1.47");
  client.close();
  server.close();
});
