import { hash } from "node:crypto";

/** What the digest is made of, and how; another algorithm gets another name. */
export const FINGERPRINT_ALGORITHM = "metadata-1";

const NUL = 0;
const BLANK = 0x20;
const SUM_BITS = 256;

/**
 * Digests records of a volume's metadata: `device ctime ...\0link target\0` for each entry, in any order.
 * Each record's SHA-256 is added up, so that neither order nor number of the entries takes memory.
 */
export class MetadataDigest {
  #sum = 0n;
  #records = 0;
  #rest: Uint8Array = new Uint8Array(0);
  readonly #devices = new Set<string>();
  #newestChangeSeconds = Number.NEGATIVE_INFINITY;

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
    this.#devices.add(latin1(record.subarray(0, afterDevice)));
    const change = Number(latin1(record.subarray(afterDevice + 1, afterChange)));
    // What is no number stays: it is not older than anything.
    this.#newestChangeSeconds = Math.max(this.#newestChangeSeconds, change);
    const digest = hash("sha256", record.subarray(afterDevice + 1));
    this.#sum = BigInt.asUintN(SUM_BITS, this.#sum + BigInt(`0x${digest}`));
    this.#records += 1;
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
