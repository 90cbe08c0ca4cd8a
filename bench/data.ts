import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, writeFile } from "node:fs/promises";
import { join } from "node:path";

const BLOCK_BYTES = 4096;

/**
 * Writes one file of which every second block of 4 KiB is random and every other one is text, so
 * that it compresses to about half.
 */
export async function makeHalfCompressibleFile(file: string, bytes: number): Promise<void> {
  const handle = await open(file, "w");
  const text = Buffer.alloc(BLOCK_BYTES, "2026-11-23 02:15:40 INFO request served in 12 ms\n");
  const chunkBlocks = 256;
  try {
    for (let written = 0; written < bytes; written += chunkBlocks * BLOCK_BYTES) {
      const blocks = Array.from({ length: chunkBlocks }, (_, i) =>
        i % 2 === 0 ? randomBytes(BLOCK_BYTES) : text,
      );
      await handle.write(Buffer.concat(blocks));
    }
  } finally {
    await handle.close();
  }
}

const FILES_IN_FOLDER = 500;

/** Writes many small files of 1 to 8 kB, half random and half text, in folders of 500. */
export async function makeSmallFiles(folder: string, count: number): Promise<void> {
  for (let first = 0; first < count; first += FILES_IN_FOLDER) {
    const subfolder = join(folder, `d${first / FILES_IN_FOLDER}`);
    await mkdir(subfolder);
    const names = Array.from({ length: FILES_IN_FOLDER }, (_, i) => first + i);
    await Promise.all(names.map((i) => writeFile(join(subfolder, `f${i}`), smallContent(i))));
  }
}

function smallContent(i: number): Buffer {
  const digest = createHash("sha256").update(String(i)).digest();
  const halfBytes = 500 + (digest.readUInt16BE(0) % 3500);
  return Buffer.concat([randomBytes(halfBytes), Buffer.alloc(halfBytes, digest.toString("hex"))]);
}
