/** What tar says of streams in memory. */
import { zstdDecompressSync } from "node:zlib";
import { TarReader } from "../../src/tar/entries.ts";
import { BLOCK_BYTES } from "../../src/tar/input.ts";
import { inChunks, readTar } from "../fixtures/tar-streams.ts";
import type { FakeReply } from "./helper.ts";

export function unpacked(bytes: Buffer, compression: string): Buffer {
  return compression === "none" ? bytes : zstdDecompressSync(bytes);
}

/** What tar says of a stream that it read to its end. */
export async function tarReply(bytes: Buffer): Promise<FakeReply> {
  const reader = new TarReader(inChunks(bytes), "contents");
  for await (const entry of reader.entries()) void entry;
  const facts = {
    tar_status: "0",
    zstd_status: "0",
    entries: String(reader.listedEntries),
    roots: "1",
    marked_end: "1",
    after_end: "0",
    blocks: String(Math.ceil(reader.tarBytes / BLOCK_BYTES)),
  };
  return { facts, messages: [`Total bytes read: ${bytes.length} (1KiB, 1MiB/s)`] };
}

export async function countEntries(bytes: Buffer): Promise<number> {
  return bytes.length === 0 ? 0 : (await readTar(bytes)).length;
}
