import { createHash } from "node:crypto";
import { Transform, type TransformCallback } from "node:stream";
import type { ProgressTask } from "./tools.ts";

/** Passes bytes on unchanged, and knows their number and SHA-256 when they have passed. */
export class DigestingStream extends Transform {
  readonly #hash = createHash("sha256");
  readonly #progress: ProgressTask;
  bytes = 0;

  constructor(progress: ProgressTask) {
    super();
    this.#progress = progress;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#hash.update(chunk);
    this.bytes += chunk.length;
    this.#progress.advance(chunk.length);
    done(null, chunk);
  }

  /** 64 hex digits; to be asked once, at the end. */
  sha256(): string {
    return this.#hash.digest("hex");
  }
}
