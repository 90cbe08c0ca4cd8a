import type { DataPiece, EntryType, TarEntry } from "./entries.ts";
import type { ByteText } from "./header.ts";
import { BLOCK_BYTES } from "./input.ts";
import type { Extent } from "./extents.ts";

/** What of an entry is written. */
export type WrittenEntry = Omit<TarEntry, "positionBytes">;

const CHUNK_BYTES = 1 << 18;
/** tar's default record, to which a stream is filled up. */
export const RECORD_BYTES = 10_240;
/** Two empty blocks. */
export const END_MARK_BYTES = 1024;
const NAME_BYTES = 100;
const SECOND_NS = 1_000_000_000n;

const TYPE_FLAGS: Readonly<Record<EntryType, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  char: "3",
  block: "4",
  folder: "5",
  fifo: "6",
};

/**
 * Entries as a tar stream in POSIX's format, as GNU tar writes it: what a header has no room for is in extended
 * headers, and holes are in GNU's format 1.0. Constant memory; the chunks are the caller's to keep.
 */
export async function* writeTar(
  entries: AsyncIterable<WrittenEntry>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const output = new Output();
  for await (const entry of entries) {
    for (const piece of headOf(entry)) yield* output.add(piece);
    let dataBytes = 0;
    for await (const { bytes } of dataOf(entry)) {
      dataBytes += bytes.length;
      yield* output.add(bytes);
    }
    yield* output.add(padding(dataBytes, BLOCK_BYTES));
  }
  yield* output.end();
}

/** Only files have content, and a hard link's is that of the name before it. */
function dataOf({ type, data }: WrittenEntry): AsyncIterable<DataPiece> | readonly DataPiece[] {
  return type === "file" ? data() : [];
}

/** Collects small pieces: each write on the way to the helper costs as much as a large one. */
class Output {
  #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #used = 0;
  #totalBytes = 0;

  *add(bytes: Uint8Array): Generator<Uint8Array> {
    this.#totalBytes += bytes.length;
    for (let rest = bytes; rest.length > 0;) {
      const piece = rest.subarray(0, CHUNK_BYTES - this.#used);
      this.#chunk.set(piece, this.#used);
      this.#used += piece.length;
      rest = rest.subarray(piece.length);
      if (this.#used < CHUNK_BYTES) return;
      yield this.#chunk;
      this.#chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      this.#used = 0;
    }
  }

  *end(): Generator<Uint8Array> {
    yield* this.add(Buffer.alloc(END_MARK_BYTES));
    yield* this.add(padding(this.#totalBytes, RECORD_BYTES));
    if (this.#used > 0) yield this.#chunk.subarray(0, this.#used);
  }
}

function padding(bytes: number, unitBytes: number): Buffer {
  return Buffer.alloc((unitBytes - (bytes % unitBytes)) % unitBytes);
}

/** All that stands before an entry's data: extended headers, header, the map of a file with holes. Much is not copied. */
function* headOf(entry: WrittenEntry): Generator<Buffer> {
  const map =
    entry.extents === undefined ? undefined : new WrittenMap(entry.extents, entry.sizeBytes);
  const storedBytes = storedSize(entry, map);
  const records = recordsOf(entry, storedBytes).flatMap(([key, value]) => record(key, value));
  if (records.length > 0) {
    const sizeBytes = bytesIn(records, ({ length }) => length);
    yield header({ flag: "x", name: "./PaxHeaders", sizeBytes });
    yield* records;
    yield padding(sizeBytes, BLOCK_BYTES);
  }
  yield header({
    flag: TYPE_FLAGS[entry.type],
    name: map === undefined ? entry.path : "./GNUSparseFile.0",
    linkTarget: entry.linkTarget,
    sizeBytes: storedBytes,
    entry,
  });
  if (map !== undefined) yield* map.pieces();
}

function storedSize({ type, sizeBytes, extents }: WrittenEntry, map?: WrittenMap): number {
  if (type !== "file") return 0;
  if (extents === undefined || map === undefined) return sizeBytes;
  return map.storedBytes + bytesIn(extents, ({ lengthBytes }) => lengthBytes);
}

function bytesIn<Item>(items: Iterable<Item>, bytesOf: (item: Item) => number): number {
  let bytes = 0;
  for (const item of items) bytes += bytesOf(item);
  return bytes;
}

/** Pairs of numbers, a line each; a hole at the end is marked by an extent of no length. There may be millions. */
class WrittenMap {
  /** Filled up to whole blocks. */
  readonly storedBytes: number;
  readonly #extents: Iterable<Extent>;
  readonly #sizeBytes: number;
  readonly #count: number;
  readonly #isWhole: boolean;
  readonly #padding: Buffer;

  constructor(extents: Iterable<Extent>, sizeBytes: number) {
    let count = 0;
    let endBytes = -1;
    for (const { startBytes, lengthBytes } of extents) {
      count += 1;
      endBytes = startBytes + lengthBytes;
    }
    this.#extents = extents;
    this.#sizeBytes = sizeBytes;
    this.#isWhole = endBytes === sizeBytes;
    this.#count = this.#isWhole ? count : count + 1;
    const bytes = bytesIn(this.#lines(), ({ length }) => length);
    this.#padding = padding(bytes, BLOCK_BYTES);
    this.storedBytes = bytes + this.#padding.length;
  }

  *pieces(): Generator<Buffer> {
    for (const line of this.#lines()) yield Buffer.from(line);
    yield this.#padding;
  }

  *#lines(): Generator<string> {
    yield `${this.#count}\n`;
    for (const { startBytes, lengthBytes } of this.#extents) {
      yield `${startBytes}\n${lengthBytes}\n`;
    }
    if (!this.#isWhole) yield `${this.#sizeBytes}\n0\n`;
  }
}

/** What the header itself has no room for, or no field. */
function recordsOf(
  entry: WrittenEntry,
  storedBytes: number,
): readonly (readonly [key: ByteText, value: ByteText | Buffer])[] {
  const { path, linkTarget, uid, gid, mtimeNs, xattrs, acl, extents, sizeBytes } = entry;
  return [
    ...(extents === undefined && path.length > NAME_BYTES ? [["path", path] as const] : []),
    ...(linkTarget.length > NAME_BYTES ? [["linkpath", linkTarget] as const] : []),
    ...(fits(storedBytes, 12) ? [] : [["size", String(storedBytes)] as const]),
    ...(fits(uid, 8) ? [] : [["uid", String(uid)] as const]),
    ...(fits(gid, 8) ? [] : [["gid", String(gid)] as const]),
    ...(isPlainTime(mtimeNs) ? [] : [["mtime", paxTime(mtimeNs)] as const]),
    ...(acl.access === "" ? [] : [["SCHILY.acl.access", acl.access] as const]),
    ...(acl.default === "" ? [] : [["SCHILY.acl.default", acl.default] as const]),
    ...[...xattrs].map(([name, value]) => [`SCHILY.xattr.${encodedName(name)}`, value] as const),
    ...(extents === undefined
      ? []
      : ([
          ["GNU.sparse.major", "1"],
          ["GNU.sparse.minor", "0"],
          ["GNU.sparse.name", path],
          ["GNU.sparse.realsize", String(sizeBytes)],
        ] as const)),
  ];
}

/** An equals sign would end the record's key. */
function encodedName(name: ByteText): ByteText {
  return name.replaceAll("%", "%25").replaceAll("=", "%3D");
}

function isPlainTime(mtimeNs: bigint): boolean {
  return mtimeNs >= 0n && mtimeNs % SECOND_NS === 0n && fits(Number(mtimeNs / SECOND_NS), 12);
}

function paxTime(mtimeNs: bigint): string {
  const magnitude = mtimeNs < 0n ? -mtimeNs : mtimeNs;
  const fraction = (magnitude % SECOND_NS).toString().padStart(9, "0");
  return `${mtimeNs < 0n ? "-" : ""}${magnitude / SECOND_NS}.${fraction}`;
}

/** `length key=value\n`, the length counting itself; the value's own memory is between the other pieces. */
function record(key: ByteText, value: ByteText | Buffer): readonly Buffer[] {
  const start = Buffer.from(` ${key}=`, "latin1");
  const bytes = typeof value === "string" ? Buffer.from(value, "latin1") : value;
  const rest = start.length + bytes.length + 1;
  let length = rest;
  while (String(length).length + rest !== length) length = String(length).length + rest;
  return [Buffer.from(String(length)), start, bytes, Buffer.from("\n")];
}

interface HeaderFields {
  readonly flag: string;
  readonly name: ByteText;
  readonly linkTarget?: ByteText;
  readonly sizeBytes: number;
  readonly entry?: WrittenEntry;
}

function header({ flag, name, linkTarget = "", sizeBytes, entry }: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const seconds = entry !== undefined && isPlainTime(entry.mtimeNs) ? entry.mtimeNs / SECOND_NS : 0;
  block.write(name.slice(0, NAME_BYTES), 0, "latin1");
  writeNumber(block, 100, 8, entry?.mode ?? 0o644);
  writeNumber(block, 108, 8, entry?.uid ?? 0);
  writeNumber(block, 116, 8, entry?.gid ?? 0);
  writeNumber(block, 124, 12, sizeBytes);
  writeNumber(block, 136, 12, Number(seconds));
  block.write(flag, 156, "latin1");
  block.write(linkTarget.slice(0, NAME_BYTES), 157, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  writeNumber(block, 329, 8, entry?.device?.major ?? 0);
  writeNumber(block, 337, 8, entry?.device?.minor ?? 0);
  writeChecksum(block);
  return block;
}

/** Octal digits and a NUL; zero where that has no room, since an extended header has it then. */
function writeNumber(block: Buffer, offset: number, length: number, value: number): void {
  const digits = fits(value, length) ? value.toString(8) : "0";
  block.write(digits.padStart(length - 1, "0"), offset, "latin1");
}

function fits(value: number, length: number): boolean {
  return value < 8 ** (length - 1);
}

/** The sum of all bytes, its own field counted as blanks. */
function writeChecksum(block: Buffer): void {
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}
