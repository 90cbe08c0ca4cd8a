import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, open, rm, writeFile, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { decompressZstd } from "../tar/zstd.ts";
import { archiveAt } from "../store/folder/folder-store.ts";
import { Archive } from "./archive.ts";
import { Digest } from "./digest.ts";

const SHORT_READ_BYTES = 10_000;

/** Reads bring less than they could, as those of FUSE and of network mounts may. */
async function shortenReads(t: TestContext, path: string): Promise<void> {
  await using any = await open(path);
  const prototype: FileHandle = Object.getPrototypeOf(any);
  const read: (...args: readonly unknown[]) => unknown = Object.getOwnPropertyDescriptor(
    prototype,
    "read",
  )?.value;
  const short = function (this: FileHandle, ...args: readonly unknown[]): unknown {
    const [bytes, offset, length, position] = args;
    const shortLength = Math.min(Number(length), SHORT_READ_BYTES);
    return Reflect.apply(read, this, [bytes, offset, shortLength, position]);
  };
  t.mock.method(prototype, "read", short);
}

test("an archive is sound however little a read brings", async (t: TestContext) => {
  const folder = await mkdtemp(join(tmpdir(), "dockform-archive-"));
  t.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "data.tar.zst");
  const content = randomBytes(3e6);
  await writeFile(path, zstdCompressSync(content));
  await shortenReads(t, path);
  await using archive = await Archive.open(archiveAt(path));
  const read = await buffer(decompressZstd(archive.chunks(new Digest()), path));
  assert.ok(read.equals(content));
});
