import { randomBytes } from "node:crypto";
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
  writevSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

const BLOCK_BYTES = 4096;
const CHUNK_BYTES = 2 ** 20;
const TEXT = Buffer.alloc(CHUNK_BYTES, "2026-11-23 02:15:40 INFO request served in 12 ms\n");

/** Chunks come again after these: further apart than any zstd here looks back, and made once. */
const POOL_CHUNKS = 64;
let incompressible: readonly Buffer[] | undefined;
let halfCompressible: readonly Buffer[] | undefined;

function incompressibleChunks(): readonly Buffer[] {
  incompressible ??= Array.from({ length: POOL_CHUNKS }, () => randomBytes(CHUNK_BYTES));
  return incompressible;
}

/** Every second block of 4 KiB is random and every other one is text. */
function halfCompressibleChunks(): readonly Buffer[] {
  halfCompressible ??= incompressibleChunks().map((random) => {
    const chunk = Buffer.from(random);
    for (let at = 0; at < CHUNK_BYTES; at += 2 * BLOCK_BYTES) TEXT.copy(chunk, at, 0, BLOCK_BYTES);
    return chunk;
  });
  return halfCompressible;
}

export async function makeHalfCompressibleFile(file: string, bytes: number): Promise<void> {
  await writeChunks(file, bytes, halfCompressibleChunks());
}

export async function makeIncompressibleFile(file: string, bytes: number): Promise<void> {
  await writeChunks(file, bytes, incompressibleChunks());
}

async function writeChunks(file: string, bytes: number, chunks: readonly Buffer[]): Promise<void> {
  const handle = await open(file, "w");
  try {
    for (let left = bytes; left > 0;) {
      for (const chunk of chunks) {
        const { bytesWritten } = await handle.write(chunk.subarray(0, left));
        left -= bytesWritten;
        if (left === 0) break;
      }
    }
  } finally {
    await handle.close();
  }
}

const FILES_IN_FOLDER = 500;

/** Writes files of half to one and a half times the mean size, half random and half text. */
export function makeFiles(folder: string, count: number, meanBytes: number): void {
  const random = randomBytes(CHUNK_BYTES);
  for (let i = 0; i < count; i += 1) {
    const half = Math.floor((meanBytes / 2) * (0.5 + (i % 100) / 100));
    const at = (i * 7919) % (CHUNK_BYTES - half);
    const file = openSync(join(subfolder(folder, i), `file-${i}`), "w");
    writevSync(file, [random.subarray(at, at + half), TEXT.subarray(0, half)]);
    closeSync(file);
  }
}

/** Every kind of entry whose number could cost memory: files, further names, symbolic links. */
export function makeEntries(folder: string, count: number): void {
  for (let i = 0; i < count; i += 1) {
    const parent = subfolder(folder, i);
    const path = join(parent, `an-entry-with-a-name-of-some-length-${i}`);
    if (i % FILES_IN_FOLDER === 0 || i % 4 < 2) writeEmpty(path);
    else if (i % 4 === 2)
      linkSync(join(parent, `an-entry-with-a-name-of-some-length-${i - 1}`), path);
    else symlinkSync(`an-entry-with-a-name-of-some-length-${i - 1}`, path);
  }
}

function writeEmpty(path: string): void {
  const file = openSync(path, "w");
  writeSync(file, "");
  closeSync(file);
}

function subfolder(folder: string, i: number): string {
  const path = join(folder, `d${Math.floor(i / FILES_IN_FOLDER)}`);
  if (i % FILES_IN_FOLDER === 0) mkdirSync(path);
  return path;
}
