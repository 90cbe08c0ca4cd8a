import { hash } from "node:crypto";

/** What the digest is made of, and how; another algorithm gets another name. */
export const FINGERPRINT_ALGORITHM = "metadata-1";

const NUL = 0;
const BLANK = 0x20;
const SUM_BITS = 256;
/** In a record: `device ctime mtime type mode owner group inode links size path`. */
const TYPE_FIELD = 3;
const PATH_FIELD = 10;

/** What was found to have changed after a certain time. */
export interface ChangedEntries {
  readonly count: number;
  /** The path of the one that changed last, bytes as Latin-1; a folder only where nothing else changed. */
  readonly example: string | undefined;
}

/**
 * Digests records of a volume's metadata: `device ctime ...\0link target\0` for each entry, in any order.
 * Each record's SHA-256 is added up, so that neither order nor number of the entries takes memory.
 */
export class MetadataDigest {
  #sum = 0n;
  #records = 0;
  #rest: Uint8Array = new Uint8Array(0);
  readonly #devices = new Set<number>();
  #newestChangeSeconds = Number.NEGATIVE_INFINITY;
  readonly #since: number;
  #changedCount = 0;
  #example: Example | undefined;

  /** @param sinceSeconds entries with a later ctime are counted as changed. */
  constructor(sinceSeconds = Number.POSITIVE_INFINITY) {
    this.#since = sinceSeconds;
  }

  update(chunk: Uint8Array): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (;;) {
      const target = bytes.indexOf(NUL, start);
      const end = target === -1 ? -1 : bytes.indexOf(NUL, target + 1);
      if (end === -1) break;
      this.#add(bytes.subarray(start, end));
      start = end + 1;
    }
    // The chunk's memory is used again by whoever gave it.
    this.#rest = Uint8Array.from(bytes.subarray(start));
  }

  /** How many entries there are. */
  get records(): number {
    return this.#records;
  }

  get changed(): ChangedEntries {
    return { count: this.#changedCount, example: this.#example?.path };
  }

  /** How many file systems the entries lie on. */
  get devices(): number {
    return this.#devices.size;
  }

  /** The latest ctime of any entry, in seconds since 1970. */
  get newestChangeSeconds(): number {
    return this.#newestChangeSeconds;
  }

  /** Whether there is no record at all, not even the root folder's, or one that stops in the middle. */
  get incomplete(): boolean {
    return this.#records === 0 || this.#rest.length > 0;
  }

  /** 64 hex digits. `boot` is the kernel's: times that a crash kept from the disk count for nothing. */
  value(boot: string): string {
    const sum = this.#sum.toString(16).padStart(SUM_BITS / 4, "0");
    return hash("sha256", `${boot} ${this.#records} ${sum}`);
  }

  #add(record: Uint8Array): void {
    // The device's number may be another one after a restart.
    const afterDevice = record.indexOf(BLANK);
    const afterChange = record.indexOf(BLANK, afterDevice + 1);
    this.#devices.add(numberIn(record, 0, afterDevice));
    const change = numberIn(record, afterDevice + 1, afterChange);
    // What is no number stays: it is not older than anything.
    this.#newestChangeSeconds = Math.max(this.#newestChangeSeconds, change);
    if (change > this.#since) this.#noteChanged(record, change);
    const digest = hash("sha256", record.subarray(afterDevice + 1));
    this.#sum = BigInt.asUintN(SUM_BITS, this.#sum + BigInt(`0x${digest}`));
    this.#records += 1;
  }

  #noteChanged(record: Uint8Array, changeSeconds: number): void {
    this.#changedCount += 1;
    const fields = latin1(record).split(" ");
    const isFolder = fields[TYPE_FIELD] === "d";
    const best = this.#example;
    const isBetter =
      best === undefined ||
      (best.isFolder === isFolder ? changeSeconds > best.changeSeconds : best.isFolder);
    if (!isBetter) return;
    const [path = ""] = fields.slice(PATH_FIELD).join(" ").split("\0");
    this.#example = { path: path === "" ? "." : path, isFolder, changeSeconds };
  }
}

interface Example {
  readonly path: string;
  readonly isFolder: boolean;
  readonly changeSeconds: number;
}

const [DIGIT_0, DIGIT_9, POINT] = [0x30, 0x39, 0x2e];

/** By hand: there may be millions, and to make a text of each takes longer than its digest. */
function numberIn(bytes: Uint8Array, start: number, end: number): number {
  let whole = 0;
  let fraction = 0;
  let scale = 0;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    const digit = byte - DIGIT_0;
    if (byte === POINT && scale === 0) scale = 1;
    else if (byte < DIGIT_0 || byte > DIGIT_9) return Number(latin1(bytes.subarray(start, end)));
    else if (scale === 0) whole = whole * 10 + digit;
    else [fraction, scale] = [fraction * 10 + digit, scale * 10];
  }
  return scale === 0 ? whole : whole + fraction / scale;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
