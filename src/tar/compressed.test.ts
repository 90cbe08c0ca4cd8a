/** Packed streams: several in one file, cut short, followed by something else, and in need of much memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { DockformError } from "../errors.ts";
import { decompressGzip } from "./gzip.ts";
import { checkFrames, decompressZstd } from "./zstd.ts";
import { hostileArchives } from "../../test/fixtures/hostile.ts";
import { attempt } from "../../test/oracle/host.ts";
import { inChunks } from "../../test/fixtures/tar-streams.ts";

const CUTS: readonly (readonly number[])[] = [[1], [7, 300], [65_536]];
const FIRST = Buffer.from("first text ".repeat(300));
const SECOND = Buffer.alloc(70_000, 0x42);

async function all(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

function isDamage(error: unknown): boolean {
  return error instanceof DockformError && error.kind === "integrity";
}

const members = Buffer.concat([gzipSync(FIRST), gzipSync(SECOND)]);

test("all members of a gzip file are read, and zeros after them passed over", async () => {
  for (const cuts of CUTS) {
    for (const stored of [members, Buffer.concat([members, Buffer.alloc(100_000)])]) {
      const read = await all(decompressGzip(inChunks(stored, cuts), "x"));
      assert.ok(read.equals(Buffer.concat([FIRST, SECOND])), String(cuts));
    }
  }
});

test("a gzip file that was cut short anywhere is damaged", async () => {
  const end = gzipSync(FIRST).length;
  for (let length = 1; length < members.length; length += 1) {
    // A whole first member is a whole file.
    if (length === end) continue;
    const cut = members.subarray(0, length);
    await assert.rejects(all(decompressGzip(inChunks(cut), "x")), isDamage, String(length));
  }
});

test("what follows a gzip file's members is damage, after zeros as well", async () => {
  const zeros = Buffer.alloc(80_000);
  const text = Buffer.from("more");
  for (const cuts of CUTS) {
    for (const tail of [[text], [zeros, text], [Buffer.alloc(1), text], [zeros, members]]) {
      const stored = Buffer.concat([members, ...tail]);
      await assert.rejects(all(decompressGzip(inChunks(stored, cuts), "x")), isDamage);
    }
  }
});

test("a flipped byte of a gzip file is damage, or makes no difference", async () => {
  const whole = Buffer.concat([FIRST, SECOND]);
  let damaged = 0;
  // The ten bytes before it are a header, of which most mean nothing.
  for (let at = 10; at < gzipSync(FIRST).length; at += 1) {
    const stored = Buffer.from(members);
    stored.writeUInt8(stored.readUInt8(at) ^ 0x08, at);
    // In a text that repeats itself, another place to copy from may hold the same.
    try {
      assert.ok((await all(decompressGzip(inChunks(stored), "x"))).equals(whole), String(at));
    } catch (error) {
      assert.ok(isDamage(error), String(error));
      damaged += 1;
    }
  }
  assert.ok(damaged > 30);
});

test("whoever stops reading a gzip file early is not held up", { timeout: 10_000 }, async () => {
  const stored = gzipSync(Buffer.alloc(50 << 20));
  for await (const chunk of decompressGzip(inChunks(stored), "x")) {
    assert.ok(chunk.length > 0);
    break;
  }
});

const frames = Buffer.concat([zstdCompressSync(FIRST), zstdCompressSync(SECOND)]);

test("zstd frames are handed on as they are; anything else is damage", async () => {
  for (const cuts of CUTS) {
    const passed = await all(checkFrames(inChunks(frames, cuts), "x"));
    assert.ok(passed.equals(frames));
    for (const bad of [frames.subarray(0, -1), Buffer.concat([frames, gzipSync(FIRST)])]) {
      await assert.rejects(all(checkFrames(inChunks(bad, cuts), "x")), isDamage);
      await assert.rejects(all(decompressZstd(inChunks(bad, cuts), "x")), isDamage);
    }
  }
});

test("a window of more than 128 MiB needs --long, and one of that size does not", async () => {
  for (const [windowLog, expected] of [
    [27, false],
    [28, true],
    [31, true],
  ] as const) {
    const args = ["-qc", `--long=${windowLog}`];
    const { stdout } = await attempt("zstd", args, { input: FIRST });
    const read = decompressZstd(inChunks(stdout), "x", undefined, 2 ** windowLog);
    assert.ok((await all(read)).equals(FIRST));
    if (!expected) continue;
    for (const reader of [
      decompressZstd(inChunks(stdout), "x"),
      checkFrames(inChunks(stdout), "x"),
    ]) {
      await assert.rejects(all(reader), { kind: "refused", message: /--long=/ });
    }
  }
});

test("a header that asks for 2 GiB takes none of it", async () => {
  const hostile = hostileArchives().find(({ name }) => name.includes("2 GiB"));
  const before = process.memoryUsage().rss;
  const read = await all(decompressZstd(inChunks(hostile?.data ?? FIRST), "x", undefined, 2 ** 31));
  assert.ok(read.length > 20_000);
  assert.ok(process.memoryUsage().rss - before < 64 << 20);
});
