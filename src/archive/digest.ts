import { createHash } from "node:crypto";
import type { ProgressTask } from "../tools.ts";

/** Number and SHA-256 of the bytes that went by, shown as progress where one is given. */
export class Digest {
  readonly #hash = createHash("sha256");
  readonly #progress: ProgressTask | undefined;
  bytes = 0;

  constructor(progress?: ProgressTask) {
    this.#progress = progress;
  }

  update(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.bytes += chunk.length;
    this.#progress?.advance(chunk.length);
  }

  /** 64 hex digits; to be asked once, at the end. */
  sha256(): string {
    return this.#hash.digest("hex");
  }
}
