import { TarReader } from "../tar/entries.ts";
import { decompressZstd } from "../tar/zstd.ts";
import { Digest } from "./digest.ts";
import type { ArchiveSource } from "./selection.ts";
import type { Tools } from "./tools.ts";

/** One pass over an archive, made in this process: no engine takes part. */
export class ArchivePass implements Disposable {
  readonly reader: TarReader;
  readonly #digest: Digest;
  readonly #progress: ReturnType<Tools["startProgress"]>;

  constructor(archive: ArchiveSource, label: string, { startProgress, signal }: Tools) {
    this.#progress = startProgress(`${label} ${archive.path}`, archive.storedBytes);
    this.#digest = new Digest(this.#progress);
    const stored = archive.chunks(this.#digest);
    const tar = archive.format === "tar" ? stored : decompressZstd(stored, archive.path, signal);
    this.reader = new TarReader(tar, archive.path, signal);
  }

  /** Of the stored bytes, once all entries have been read. */
  sha256(): string {
    return this.#digest.sha256();
  }

  [Symbol.dispose](): void {
    this.#progress.end();
  }
}
