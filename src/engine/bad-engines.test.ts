import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { EngineClient, isNotFound } from "./client.ts";
import {
  attachContainer,
  execInContainer,
  inspectContainer,
  lastLogLines,
  listContainers,
  stopContainer,
  waitContainer,
} from "./containers.ts";
import { findImage, pullImage } from "./images.ts";
import { listNetworks } from "./networks.ts";
import { engineInfo } from "./system.ts";
import { inspectVolume, listVolumes, volumeSizes } from "./volumes.ts";

type Say = (socket: Socket, request: string) => void;

interface BadEngine extends AsyncDisposable {
  readonly client: EngineClient;
  readonly requests: readonly string[];
}

/** An engine that says what it is told to; `say` is asked for the ping as well where `pings` is not given. */
async function badEngine(say: Say, pings = false): Promise<BadEngine> {
  const folder = await mkdtemp(join(tmpdir(), "dockform-bad-engine-"));
  const path = join(folder, "engine.sock");
  const sockets = new Set<Socket>();
  const requests: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).once("close", () => sockets.delete(socket));
    socket.on("data", (bytes) => {
      const request = bytes.toString();
      requests.push(request);
      if (pings && request.includes("/_ping")) socket.write(PONG);
      else say(socket, request);
    });
  });
  server.listen(path);
  await once(server, "listening");
  const client = new EngineClient({ context: "default", host: `unix://${path}` });
  return {
    client,
    requests,
    [Symbol.asyncDispose]: async () => {
      client.close();
      for (const socket of sockets) socket.destroy();
      server.close();
      await rm(folder, { recursive: true });
    },
  };
}

const PONG = "HTTP/1.1 200 OK\r\nApi-Version: 1.47\r\nContent-Length: 2\r\n\r\nOK";
const CHUNKED = "HTTP/1.1 200 OK\r\nApi-Version: 1.47\r\nTransfer-Encoding: chunked\r\n\r\n";
const NOT_AN_ENGINE = { code: "engine.not-an-engine", exitCode: 5 };
const SILENT = { code: "engine.silent", exitCode: 5 };

function http(body: string, head = "200 OK"): string {
  return `HTTP/1.1 ${head}\r\nApi-Version: 1.47\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** Says one thing again and again, as fast as it is taken. */
function endless(head: string, piece: string): Say {
  const block = piece.repeat(64);
  return (socket) => {
    socket.write(head);
    const more = (): void => {
      while (!socket.destroyed && socket.write(block));
    };
    socket.on("drain", more);
    more();
  };
}

const KILOBYTE = "x".repeat(1024);
const BAD_ANSWERS: Readonly<Record<string, Say>> = {
  garbage: (socket) => socket.write("\0\x01 no HTTP at all \r\n\r\n"),
  "another protocol": (socket) => socket.write("SSH-2.0-OpenSSH_9.2\r\n"),
  "a redirect": (socket) =>
    socket.write("HTTP/1.1 301 Moved\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"),
  "a page": (socket) => socket.write(http("<html>Welcome</html>")),
  "a page that is not there": (socket) => socket.write(http("<html>404</html>", "404 Not Found")),
  "an endless head": endless("HTTP/1.1 200 OK\r\n", `X: ${KILOBYTE}\r\n`),
  "an endless body": endless(CHUNKED, `400\r\n${KILOBYTE}\r\n`),
  "an endless body of an error": endless(
    CHUNKED.replace("200 OK", "500 Error"),
    `400\r\n${KILOBYTE}\r\n`,
  ),
};

for (const [what, say] of Object.entries(BAD_ANSWERS)) {
  test(`${what} is no answer of an engine, to the ping or later`, { timeout: 20_000 }, async () => {
    const before = process.memoryUsage.rss();
    for (const pings of [false, true]) {
      await using engine = await badEngine(say, pings);
      await assert.rejects(engine.client.json("GET", "/info"), NOT_AN_ENGINE);
    }
    assert.ok(process.memoryUsage.rss() - before < 100e6, "in 100 MB");
  });
}

test("a ping that is answered without an API version is not an engine's", async () => {
  await using engine = await badEngine((socket) => {
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
  });
  await assert.rejects(engine.client.apiVersion(), NOT_AN_ENGINE);
});

const QUESTIONS: Readonly<Record<string, (client: EngineClient) => Promise<unknown>>> = {
  "the engine": (client) => engineInfo(client),
  containers: (client) => listContainers(client),
  "a container": (client) => inspectContainer(client, "c"),
  volumes: (client) => listVolumes(client),
  "a volume": (client) => inspectVolume(client, "v"),
  sizes: (client) => volumeSizes(client),
  networks: (client) => listNetworks(client, "l"),
  "an image": (client) => findImage(client, "i"),
  "an exit code": (client) => waitContainer(client, "c"),
  "an exec": (client) => execInContainer(client, "c", { command: ["x"], stdin: false }),
};

for (const [what, ask] of Object.entries(QUESTIONS)) {
  for (const answer of ["null", "", "[null]", "7", '"text"', '{"Volumes":[null],"Id":[]}']) {
    test(`${what}: not ${answer || "nothing"}`, async () => {
      await using engine = await badEngine((socket) => socket.write(http(answer)), true);
      await assert.rejects(ask(engine.client), NOT_AN_ENGINE);
    });
  }
}

test("volumes that are not named are not taken for none", async () => {
  await using engine = await badEngine((socket) => socket.write(http("{}")), true);
  await assert.rejects(listVolumes(engine.client), {
    ...NOT_AN_ENGINE,
    message: /on GET \/volumes, Volumes is not a list$/,
  });
});

for (const [what, say] of Object.entries<Say>({
  "lines that are not JSON": (socket) => socket.write(http("Pulling\n")),
  "lines that say nothing": (socket) => socket.write(http("null\n")),
  "an endless line": endless(CHUNKED, `400\r\n${KILOBYTE}\r\n`),
})) {
  test(`a pull that is answered with ${what} is not an engine's`, { timeout: 20_000 }, async () => {
    await using engine = await badEngine(say, true);
    await assert.rejects(pullImage(engine.client, "i"), NOT_AN_ENGINE);
  });
}

test("a container that is missing is not found, also where a stream was asked for", async () => {
  const head = "HTTP/1.1 404 Not Found\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";
  await using engine = await badEngine(
    (socket) => socket.end(`${head}No such container: c\r\n`),
    true,
  );
  await assert.rejects(attachContainer(engine.client, "c"), isNotFound);
});

test("an endless log is not an engine's", { timeout: 20_000 }, async () => {
  await using engine = await badEngine(endless(CHUNKED, `400\r\n${KILOBYTE}\r\n`), true);
  const container = { Id: "c", Config: { Tty: true, StopTimeout: undefined } };
  await assert.rejects(lastLogLines(engine.client, container, 5), NOT_AN_ENGINE);
});

/** Lets time pass once the engine has heard of a request that the ping came before. */
async function passTime(t: TestContext, { requests }: BadEngine, ms: number): Promise<void> {
  while (requests.length < 2) await new Promise(setImmediate);
  // What has been written meanwhile arrives.
  for (let i = 0; i < 20; i += 1) await new Promise(setImmediate);
  t.mock.timers.tick(ms);
}

const silence: Say = () => {};

test("an engine that does not answer the ping is silent", { timeout: 10_000 }, async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  await using engine = await badEngine(silence);
  const asked = engine.client.json("GET", "/info");
  while (engine.requests.length < 1) await new Promise(setImmediate);
  t.mock.timers.tick(25_000);
  await assert.rejects(asked, SILENT);
});

test("an engine that does not answer later is silent", { timeout: 10_000 }, async (t) => {
  await using engine = await badEngine(silence, true);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const asked = listVolumes(engine.client);
  await passTime(t, engine, 60_000);
  await assert.rejects(asked, SILENT);
});

test("a connection that is never handed over is given up", { timeout: 10_000 }, async (t) => {
  await using engine = await badEngine(silence, true);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const taken = engine.client.takeOver("/exec/1/start");
  await passTime(t, engine, 60_000);
  await assert.rejects(taken, SILENT);
});

test("JSON that does not end is not an engine's", { timeout: 10_000 }, async (t) => {
  await using engine = await badEngine((socket) => socket.write(`${CHUNKED}1\r\n[\r\n`), true);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const asked = listVolumes(engine.client);
  await passTime(t, engine, 25_000);
  await assert.rejects(asked, NOT_AN_ENGINE);
});

test(
  "a pull that says no more is given up, but not before ten minutes",
  { timeout: 10_000 },
  async (t) => {
    const line = '{"status":"Pulling"}\n';
    await using engine = await badEngine((socket) => {
      socket.write(`${CHUNKED}${line.length.toString(16)}\r\n${line}\r\n`);
    }, true);
    t.mock.timers.enable({ apis: ["setTimeout"] });
    let isOver = false;
    const pulled = pullImage(engine.client, "i").finally(() => (isOver = true));
    pulled.catch(() => {});
    await passTime(t, engine, 599_000);
    await new Promise(setImmediate);
    assert.equal(isOver, false);
    t.mock.timers.tick(1000);
    await assert.rejects(pulled, SILENT);
  },
);

test("a stop has the container's own time, and some more", { timeout: 10_000 }, async (t) => {
  await using engine = await badEngine(silence, true);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let isOver = false;
  const stopped = stopContainer(engine.client, "c", 3600).finally(() => (isOver = true));
  stopped.catch(() => {});
  await passTime(t, engine, 3_600_000);
  await new Promise(setImmediate);
  assert.equal(isOver, false);
  t.mock.timers.tick(120_000);
  await assert.rejects(stopped, SILENT);
});

test("a container's end is waited for without a limit", { timeout: 10_000 }, async (t) => {
  let end = (): void => {};
  await using engine = await badEngine((socket) => {
    socket.write(CHUNKED);
    end = () => socket.write('10\r\n{"StatusCode":3}\r\n0\r\n\r\n');
  }, true);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const waited = waitContainer(engine.client, "c");
  await passTime(t, engine, 48 * 3_600_000);
  end();
  assert.equal(await waited, 3);
});
