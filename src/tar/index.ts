import type { EntryType } from "./entries.ts";
import type { ByteText } from "./header.ts";
import type { EntryRecord } from "./record.ts";

const TYPES: readonly EntryType[] = [
  "file",
  "folder",
  "symlink",
  "hardlink",
  "fifo",
  "char",
  "block",
];

// A record's fields in the arena.
const TYPE = 0;
const MODE = 1;
const UID = 3;
const GID = 7;
const MTIME = 11;
const SIZE = 19;
const DIGEST = 27;
const DIGEST_BYTES = 16;
const PATH_END = 43;
const RECORD_BYTES = 51;

const SLOTS_MIN = 1 << 10;
/** Of the slots so many may be taken, out of eight. */
const LOAD_OF_8 = 5;
const EMPTY = 0xffffffff;

/**
 * Entries by path, packed into a few large buffers: a volume may have millions, and each takes its path
 * and some 65 bytes here, where objects would take several times that.
 */
export class EntryIndex {
  #count = 0;
  #records = Buffer.alloc(SLOTS_MIN * RECORD_BYTES);
  #paths = Buffer.alloc(SLOTS_MIN * RECORD_BYTES);
  #pathBytes = 0;
  /** Numbers of entries, at a place that their path's hash gives, or after it. */
  #slots = new Uint32Array(SLOTS_MIN).fill(EMPTY);
  readonly #details = new Map<number, string>();

  get size(): number {
    return this.#count;
  }

  /** The number of the entry with this path; entries are numbered from 0. */
  find(path: ByteText): number | undefined {
    const number = this.#slots[this.#slotOf(path)];
    return number === EMPTY ? undefined : number;
  }

  /** Adds an entry, or replaces the one of that path; returns its number. */
  set(path: ByteText, record: EntryRecord): number {
    const slot = this.#slotOf(path);
    const present = this.#slots[slot] ?? EMPTY;
    if (present !== EMPTY) {
      this.#write(present, record);
      return present;
    }
    const number = this.#count;
    this.#slots[slot] = number;
    this.#count += 1;
    this.#records = grown(this.#records, this.#count * RECORD_BYTES);
    this.#addPath(number, path);
    this.#write(number, record);
    if (this.#count * 8 > this.#slots.length * LOAD_OF_8) this.#addSlots();
    return number;
  }

  path(number: number): ByteText {
    return this.#paths.toString("latin1", this.#pathStart(number), this.#pathEnd(number));
  }

  record(number: number): EntryRecord {
    const at = number * RECORD_BYTES;
    const records = this.#records;
    return {
      type: TYPES[records.readUInt8(at + TYPE)] ?? "file",
      mode: records.readUInt16LE(at + MODE),
      uid: records.readUInt32LE(at + UID),
      gid: records.readUInt32LE(at + GID),
      mtimeNs: records.readBigInt64LE(at + MTIME),
      sizeBytes: records.readDoubleLE(at + SIZE),
      digest: records.toString("latin1", at + DIGEST, at + DIGEST + DIGEST_BYTES),
      details: this.#details.get(number) ?? "",
    };
  }

  #write(number: number, record: EntryRecord): void {
    const at = number * RECORD_BYTES;
    const records = this.#records;
    records.writeUInt8(TYPES.indexOf(record.type), at + TYPE);
    records.writeUInt16LE(record.mode, at + MODE);
    records.writeUInt32LE(record.uid, at + UID);
    records.writeUInt32LE(record.gid, at + GID);
    records.writeBigInt64LE(record.mtimeNs, at + MTIME);
    records.writeDoubleLE(record.sizeBytes, at + SIZE);
    records.write(record.digest, at + DIGEST, DIGEST_BYTES, "latin1");
    if (record.details === "") this.#details.delete(number);
    else this.#details.set(number, record.details);
  }

  #addPath(number: number, path: ByteText): void {
    this.#paths = grown(this.#paths, this.#pathBytes + path.length);
    this.#pathBytes += this.#paths.write(path, this.#pathBytes, "latin1");
    this.#records.writeDoubleLE(this.#pathBytes, number * RECORD_BYTES + PATH_END);
  }

  #pathEnd(number: number): number {
    return this.#records.readDoubleLE(number * RECORD_BYTES + PATH_END);
  }

  #pathStart(number: number): number {
    return number === 0 ? 0 : this.#pathEnd(number - 1);
  }

  /** The slot that holds this path, or the empty one where it belongs. */
  #slotOf(path: ByteText): number {
    const mask = this.#slots.length - 1;
    for (let slot = hashOf(path) & mask; ; slot = (slot + 1) & mask) {
      const number = this.#slots[slot] ?? EMPTY;
      if (number === EMPTY || this.#hasPath(number, path)) return slot;
    }
  }

  #hasPath(number: number, path: ByteText): boolean {
    const start = this.#pathStart(number);
    if (this.#pathEnd(number) - start !== path.length) return false;
    for (let i = 0; i < path.length; i += 1) {
      if (this.#paths[start + i] !== path.charCodeAt(i)) return false;
    }
    return true;
  }

  #addSlots(): void {
    this.#slots = new Uint32Array(this.#slots.length * 2).fill(EMPTY);
    for (let number = 0; number < this.#count; number += 1) {
      this.#slots[this.#slotOf(this.path(number))] = number;
    }
  }
}

/** FNV-1a, 32 bits. */
function hashOf(path: ByteText): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < path.length; i += 1) {
    hash = Math.imul(hash ^ path.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

function grown(buffer: Buffer<ArrayBuffer>, bytes: number): Buffer<ArrayBuffer> {
  if (bytes <= buffer.length) return buffer;
  const larger = Buffer.alloc(Math.max(bytes, Math.ceil(buffer.length * 1.5)));
  buffer.copy(larger);
  return larger;
}
