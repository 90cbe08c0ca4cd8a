import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DockformError } from "../errors.ts";
import { EngineClient } from "./client.ts";
import { createContainerSurely } from "./create-container.ts";
import { pullImage } from "./images.ts";

interface FakeEngine extends AsyncDisposable {
  readonly client: EngineClient;
  /** Those connections that the client has not closed. */
  readonly openConnections: () => number;
}

/** An engine that answers each call with these bytes, and then says no more or hangs up. */
async function fakeEngine(answer: string, then: "waits" | "hangs up"): Promise<FakeEngine> {
  const folder = await mkdtemp(join(tmpdir(), "dockform-client-"));
  const path = join(folder, "engine.sock");
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    socket.on("data", (request) => {
      if (request.toString().includes("/_ping")) socket.write(PING);
      else if (then === "waits") socket.write(answer);
      else socket.end(answer);
    });
  });
  server.listen(path);
  await once(server, "listening");
  const client = new EngineClient({ context: "default", host: `unix://${path}` });
  return {
    client,
    openConnections: () => sockets.size,
    [Symbol.asyncDispose]: async () => {
      client.close();
      for (const socket of sockets) socket.destroy();
      server.close();
      await rm(folder, { recursive: true });
    },
  };
}

const PING = "HTTP/1.1 200 OK\r\nApi-Version: 1.47\r\nContent-Length: 0\r\n\r\n";

/** What breaks off where there should be a body of some length. */
const CUT_SHORT = 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"status":"Pulling"}\n';

for (const [what, answer, message] of [
  ["an error", 'HTTP/1.1 409 C\r\nContent-Length: 16\r\n\r\n{"message":"no"}', /answered: no$/],
  ["a body", "HTTP/1.1 200 OK\r\n\r\nno stream", /did not hand over/],
] as const) {
  test(
    `a connection that is answered with ${what} and not handed over is closed`,
    { timeout: 10_000 },
    async () => {
      await using engine = await fakeEngine(answer, "waits");
      const taken = engine.client.takeOver("/exec/1/start", { accept: () => true });
      await assert.rejects(taken, { kind: "failed", message });
      engine.client.close();
      while (engine.openConnections() > 0) await new Promise(setImmediate);
    },
  );
}

test("a connection that breaks inside an answer is an engine that is not reached", async () => {
  await using engine = await fakeEngine(CUT_SHORT, "hangs up");
  const unreachable = { kind: "unreachable", message: /^cannot reach .*: aborted$/ };
  await assert.rejects(engine.client.json("GET", "/info"), unreachable);
  await assert.rejects(pullImage(engine.client, "image"), unreachable);
});

test("an engine that does not answer keeps nobody who was interrupted", async (t: TestContext) => {
  await using engine = await fakeEngine("", "waits");
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const warnings: string[] = [];
  const interruption = new AbortController();
  const created = createContainerSurely(
    engine.client,
    "a-name",
    {},
    {
      log: { debug: () => {}, info: () => {}, warn: (message) => warnings.push(message) },
      signal: interruption.signal,
    },
  );
  while (engine.openConnections() === 0) await new Promise(setImmediate);
  interruption.abort(new DockformError("command.interrupted", "interrupted"));
  t.mock.timers.tick(30_000);
  await assert.rejects(created, { kind: "interrupted" });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? "", /a-name/);
});

test("an answer that comes after an interruption is one", async () => {
  const body = '{"Id":"0123"}';
  const answer = `HTTP/1.1 201 Created\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  await using engine = await fakeEngine(answer, "waits");
  const interruption = new AbortController();
  const log = { debug: assert.fail, info: assert.fail, warn: assert.fail };
  const options = { log, signal: interruption.signal };
  const created = createContainerSurely(engine.client, "a-name", {}, options);
  interruption.abort();
  assert.equal(await created, "0123");
});

test("a call that begins after an interruption leaves no failure behind", async () => {
  await using engine = await fakeEngine("", "waits");
  const signal = AbortSignal.abort(new DockformError("command.interrupted", "interrupted"));
  await assert.rejects(engine.client.json("GET", "/info", { signal }), { kind: "interrupted" });
  engine.client.close();
  // A rejection that nobody awaits would fail this test.
  await sleep(10);
});
