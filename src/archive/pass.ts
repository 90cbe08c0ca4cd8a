import { TarReader } from "../tar/entries.ts";
import { Digest } from "./digest.ts";
import type { ArchiveSource } from "./source.ts";
import { limited, type StreamLimit } from "./stream-limit.ts";
import type { Tools } from "../tools.ts";

/** One pass over an archive, made in this process: no engine takes part. */
export class ArchivePass implements Disposable {
  readonly reader: TarReader;
  readonly #digest: Digest;
  readonly #progress: ReturnType<Tools["startProgress"]>;

  constructor(
    archive: ArchiveSource,
    label: string,
    { startProgress, signal }: Tools,
    limit?: StreamLimit,
  ) {
    this.#progress = startProgress(`${label} ${archive.path}`, archive.storedBytes);
    this.#digest = new Digest(this.#progress);
    const tar = archive.tar(this.#digest, signal);
    this.reader = new TarReader(limit ? limited(tar, limit) : tar, archive.path, signal);
  }

  /** Of the stored bytes, once all entries have been read. */
  sha256(): string {
    return this.#digest.sha256();
  }

  [Symbol.dispose](): void {
    this.#progress.end();
  }
}
