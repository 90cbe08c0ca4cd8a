import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import fc from "fast-check";
import { demultiplex, StdoutIntoSink } from "./multiplex.ts";
import type { ByteSink } from "./sink-buffers.ts";

const STDOUT = 1;
const STDERR = 2;

function frame(stream: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt8(stream, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

class Connection extends Duplex {
  override _read(): void {}
  override _write(_chunk: unknown, _encoding: BufferEncoding, done: () => void): void {
    done();
  }
}

test("frames come apart the same however the bytes are cut", async () => {
  const frames = fc.array(
    fc.record({
      stream: fc.constantFrom(STDOUT, STDERR),
      payload: fc.uint8Array({ maxLength: 40 }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(frames, fc.integer({ min: 1, max: 30 }), async (sent, pieceBytes) => {
      const connection = new Connection();
      const { stdout, stderr } = demultiplex(connection);
      const wire = Buffer.concat(sent.map(({ stream, payload }) => frame(stream, payload)));
      for (let at = 0; at < wire.length; at += pieceBytes) {
        connection.push(wire.subarray(at, at + pieceBytes));
      }
      connection.push(null);
      const received = await Promise.all([buffer(stdout), buffer(stderr)]);
      for (const [i, stream] of [STDOUT, STDERR].entries()) {
        const expected = sent.filter((each) => each.stream === stream).map((each) => each.payload);
        assert.deepEqual(received[i], Buffer.concat(expected));
      }
    }),
  );
});

test("a connection that ends within a frame is an error on both streams", async () => {
  const connection = new Connection();
  const { stdout, stderr } = demultiplex(connection);
  connection.push(frame(STDOUT, Buffer.from("whole")));
  connection.push(frame(STDOUT, Buffer.from("cut short")).subarray(0, 12));
  connection.push(null);
  await Promise.all([
    assert.rejects(buffer(stdout), /within a frame/),
    assert.rejects(buffer(stderr), /within a frame/),
  ]);
});

test("a reader that is behind holds the connection up, and nothing piles up in memory", async () => {
  const connection = new Connection({ readableHighWaterMark: 1 });
  const { stdout } = demultiplex(connection);
  const payload = Buffer.alloc(32 * 1024);
  let pushed = 0;
  for (; pushed < 100 && !connection.isPaused(); pushed += 1) {
    connection.push(frame(STDOUT, payload));
    await turn();
  }
  assert.ok(pushed < 10, `${pushed} frames were taken from the connection and nobody read them`);
  connection.push(null);
  assert.equal((await buffer(stdout)).length, pushed * payload.length);
});

const FRAME_BYTES = 8 * 1024;

function sinkOf(take: ByteSink["take"]): ByteSink {
  return { see: () => {}, take };
}

/** Stdout's frames of one more byte value each, and where they were put together. */
function framesOf(count: number): readonly Buffer[] {
  return Array.from({ length: count }, (_, i) => frame(STDOUT, Buffer.alloc(FRAME_BYTES, i % 251)));
}

test("stdout's frames reach a sink in few pieces, in their order, however the bytes are cut", async () => {
  const wire = Buffer.concat([...framesOf(300), frame(STDERR, Buffer.from("said"))]);
  for (const pieceBytes of [5000, 65_536, wire.length]) {
    const connection = new Connection();
    const seen: Buffer[] = [];
    const received: Buffer[] = [];
    const output = new StdoutIntoSink({
      see: (bytes) => seen.push(Buffer.from(bytes)),
      take: async (bytes) => {
        await turn();
        // Only now, as a slow disk would: the memory must not have been used again meanwhile.
        received.push(Buffer.from(bytes));
      },
    });
    const ended = output.follow(connection, new AbortController().signal);
    for (let at = 0; at < wire.length; at += pieceBytes) {
      // The piece's own memory is overwritten at once, as that of the next read would be.
      const piece = Buffer.from(wire.subarray(at, at + pieceBytes));
      if (!output.accept(piece)) await turn();
      piece.fill(0xff);
    }
    connection.push(null);
    await ended;
    const expected = Buffer.concat(framesOf(300).map((each) => each.subarray(8)));
    assert.ok(Buffer.concat(seen).equals(expected));
    assert.ok(Buffer.concat(received).equals(expected));
    assert.ok(received.length <= 6, `${received.length} pieces`);
    assert.equal((await buffer(output.stderr)).toString(), "said");
  }
});

test("a sink that is behind holds the connection up, and lets it go on when it has caught up", async () => {
  const connection = new Connection();
  const waiting: (() => void)[] = [];
  const output = new StdoutIntoSink(sinkOf(() => new Promise((resolve) => waiting.push(resolve))));
  const ended = output.follow(connection, new AbortController().signal);
  connection.pause();
  const [each = Buffer.alloc(0)] = framesOf(1);
  let accepted = 0;
  while (accepted < 1000 && output.accept(each)) accepted += 1;
  assert.ok(accepted < 200, `${accepted} frames were taken and nobody has stored them`);
  assert.ok(connection.isPaused());
  waiting.shift()?.();
  await turn();
  assert.ok(!connection.isPaused());
  assert.ok(output.accept(each));
  connection.push(null);
  while (connection.readable) await turn();
  let isOver = false;
  void ended.then(() => (isOver = true));
  waiting.pop()?.();
  await turn();
  assert.ok(!isOver, "one chunk is not stored yet");
  waiting.pop()?.();
  await ended;
});

test("a sink that fails, or a connection cut within a frame, ends the data with that error", async () => {
  const failing = new StdoutIntoSink(sinkOf(() => Promise.reject(new Error("disk full"))));
  const connection = new Connection();
  const failed = failing.follow(connection, new AbortController().signal);
  failing.accept(Buffer.concat(framesOf(100)));
  await assert.rejects(failed, /disk full/);
  assert.ok(connection.destroyed);

  const cut = new StdoutIntoSink(sinkOf(async () => {}));
  const broken = new Connection();
  const ended = cut.follow(broken, new AbortController().signal);
  cut.accept(frame(STDOUT, Buffer.from("cut short")).subarray(0, 12));
  broken.push(null);
  await assert.rejects(ended, /within a frame/);
});

test("an abort ends the data with its reason, and the connection with it", async () => {
  const connection = new Connection();
  const interruption = new AbortController();
  const output = new StdoutIntoSink(sinkOf(async () => {}));
  const ended = output.follow(connection, interruption.signal);
  interruption.abort(new Error("interrupted"));
  await assert.rejects(ended, /interrupted/);
  assert.ok(connection.destroyed);
});
