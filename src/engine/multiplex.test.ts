import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import fc from "fast-check";
import { demultiplex } from "./multiplex.ts";

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
