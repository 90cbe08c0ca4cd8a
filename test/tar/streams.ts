/** Tar streams as tests make and look at them. */
import { createHash } from "node:crypto";
import type { DataPiece, TarEntry } from "../../src/tar/entries.ts";
import { TarReader } from "../../src/tar/entries.ts";
import { decompressZstd } from "../../src/tar/zstd.ts";

/** Hands out bytes in chunks of these lengths in turn, each in memory that is used again. */
export async function* inChunks(
  data: Uint8Array,
  lengths: readonly number[] = [65_536],
): AsyncGenerator<Uint8Array> {
  for (let start = 0, turn = 0; start < data.length; turn += 1) {
    const length = lengths[turn % lengths.length] ?? 1;
    const chunk = Uint8Array.prototype.slice.call(data, start, start + length);
    yield chunk;
    chunk.fill(0xa5);
    start += length;
  }
}

/** An entry with all of its content. */
export interface ReadEntry extends Omit<TarEntry, "data" | "xattrs"> {
  readonly xattrs: Readonly<Record<string, string>>;
  readonly content: Buffer;
}

/** A larger file is not kept in memory. */
export const CONTENT_BYTES_MAX = 64 << 20;

export async function readTar(
  tar: Uint8Array,
  lengths?: readonly number[],
): Promise<readonly ReadEntry[]> {
  return readAll(new TarReader(inChunks(tar, lengths), "the archive").entries());
}

export async function readTarZst(stored: Uint8Array): Promise<readonly ReadEntry[]> {
  const tar = decompressZstd(inChunks(stored), "the archive");
  return readAll(new TarReader(tar, "the archive").entries());
}

export async function readAll(entries: AsyncIterable<TarEntry>): Promise<readonly ReadEntry[]> {
  const read: ReadEntry[] = [];
  for await (const entry of entries) read.push(await readEntry(entry));
  return read;
}

async function readEntry(entry: TarEntry): Promise<ReadEntry> {
  const { data, xattrs, ...rest } = entry;
  const values = [...xattrs].map(([name, value]) => [name, value.toString("hex")] as const);
  const content = await expanded(entry.sizeBytes, data());
  return { ...rest, xattrs: Object.fromEntries(values), content };
}

async function expanded(sizeBytes: number, data: AsyncIterable<DataPiece>): Promise<Buffer> {
  const content = Buffer.alloc(sizeBytes <= CONTENT_BYTES_MAX ? sizeBytes : 0);
  for await (const { positionBytes, bytes } of data) {
    if (sizeBytes <= CONTENT_BYTES_MAX) content.set(bytes, positionBytes);
  }
  return content;
}

export function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
