import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { promisify } from "node:util";
import type { ByteSink } from "../engine/sink-buffers.ts";
import { ExchangeFolder } from "./exchange.ts";

const run = promisify(execFile);
const skip = process.platform === "win32" && "there are no named pipes";

const SILENT = { debug: () => {}, info: () => {}, warn: () => {} };

/** Bytes that differ from those at the same place of any other buffer. */
const DATA = Buffer.alloc(5_000_000).map((_, i) => i * 31 + (i >> 10));

/** A pipe that is read into a sink, and another process at its other end. */
class Pipe implements AsyncDisposable {
  readonly ended: Promise<void>;
  /** Goes through that process into the pipe. */
  readonly input: Writable;
  /** That process's exit status. */
  readonly status: Promise<unknown>;
  readonly #exchange: ExchangeFolder;

  private constructor(exchange: ExchangeFolder, ended: Promise<void>) {
    this.#exchange = exchange;
    this.ended = ended;
    ended.catch(() => {});
    const args = ["-c", 'cat >"$0" 2>/dev/null', join(exchange.folder, "data")];
    const writer = spawn("sh", args, { stdio: ["pipe", "inherit", "inherit"] });
    this.input = writer.stdin;
    this.input.on("error", () => {});
    this.status = once(writer, "close").then(([code]) => code);
  }

  static async open(sink: ByteSink, signal = new AbortController().signal): Promise<Pipe> {
    const exchange = await ExchangeFolder.create(tmpdir(), SILENT);
    await run("mkfifo", [join(exchange.folder, "data")]);
    const { ended } = await exchange.openForReading(sink, signal);
    return new Pipe(exchange, ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.input.destroy();
    await this.status;
    await this.#exchange.remove();
  }
}

test(
  "what comes through the pipe reaches the sink in few pieces, whole and in order",
  { skip },
  async () => {
    const seen: Buffer[] = [];
    const taken: Buffer[] = [];
    await using pipe = await Pipe.open({
      see: (bytes) => seen.push(Buffer.from(bytes)),
      take: async (bytes) => {
        await sleep(5);
        // Only now, as a slow disk would: the memory must not have been used again meanwhile.
        taken.push(Buffer.from(bytes));
      },
    });
    pipe.input.end(DATA);
    await pipe.ended;
    assert.ok(Buffer.concat(seen).equals(DATA));
    assert.ok(Buffer.concat(taken).equals(DATA));
    assert.ok(taken.length <= 12, `${taken.length} pieces`);
  },
);

test("a sink that is behind holds the pipe up, and the end waits for it", { skip }, async () => {
  let seenBytes = 0;
  const waiting: (() => void)[] = [];
  await using pipe = await Pipe.open({
    see: (bytes) => (seenBytes += bytes.length),
    take: () => new Promise((resolve) => waiting.push(resolve)),
  });
  pipe.input.end(DATA);
  await sleep(200);
  assert.ok(seenBytes < DATA.length / 2, `${seenBytes} bytes were read and nobody has taken them`);
  const over = pipe.ended.then(() => "over");
  while (seenBytes < DATA.length || waiting.length > 1) {
    waiting.shift()?.();
    await turn();
  }
  await pipe.status;
  assert.equal(await Promise.race([over, sleep(20, "waiting")]), "waiting");
  for (const taken of waiting) taken();
  await over;
});

test("a writer that pauses is seen at once, and taken at the end", { skip }, async () => {
  const firstSeen = Promise.withResolvers<void>();
  const taken: string[] = [];
  await using pipe = await Pipe.open({
    see: () => firstSeen.resolve(),
    take: async (bytes) => void taken.push(Buffer.from(bytes).toString()),
  });
  pipe.input.write("before ");
  await firstSeen.promise;
  pipe.input.end("and after");
  await pipe.ended;
  assert.deepEqual(taken, ["before and after"]);
});

test("a sink that fails, or an abort, ends the reading, and the writer", { skip }, async () => {
  const failing = { see: () => {}, take: () => Promise.reject(new Error("disk full")) };
  await using full = await Pipe.open(failing);
  full.input.end(DATA);
  await assert.rejects(full.ended, /disk full/);
  assert.notEqual(await full.status, 0);

  const interruption = new AbortController();
  const firstSeen = Promise.withResolvers<void>();
  const patient = { see: () => firstSeen.resolve(), take: () => Promise.resolve() };
  await using cut = await Pipe.open(patient, interruption.signal);
  cut.input.write("something");
  await firstSeen.promise;
  interruption.abort(new Error("interrupted"));
  await assert.rejects(cut.ended, /interrupted/);
  cut.input.end(DATA);
  assert.notEqual(await cut.status, 0);
});
