import { basename } from "node:path";
import type { ByteSource } from "../byte-source.ts";
import { DockformError } from "../errors.ts";
import {
  archiveExtension,
  sidecarFormat,
  type ArchiveExtension,
  type ArchiveFormat,
} from "../snapshot/name.ts";
import { storedChecksum, type ArchiveHoldings, type Sidecar } from "../snapshot/sidecar.ts";
import type { ArchiveInStore, StoredArchive } from "../store/store.ts";
import {
  compressionOf,
  decompress,
  forHelper,
  helperCompression,
  requireNamedRight,
  type Compression,
  type HelperCompression,
} from "./compression.ts";
import { Digest } from "./digest.ts";
import { limited } from "./stream-limit.ts";
import { damaged } from "../tar/damage.ts";
import type { StartProgress } from "../tools.ts";

const ANOTHER_SNAPSHOT = "Nothing was touched. Restore from another snapshot.";

/** What is known of an archive's contents before it is extracted; extraction must find the same. */
export interface ArchiveContents {
  /** Length of the tar stream, which its files need at least. */
  readonly tarBytes: number;
  /** As tar lists them. */
  readonly entries: number;
  /** Of the stored bytes, 64 hex digits. */
  readonly sha256: string;
  /** What a target has to be able to hold; `undefined` where nobody has counted it. */
  readonly holds?: ArchiveHoldings | undefined;
}

/** A snapshot's data, held open so that it stays the same however often it is read. */
export class Archive implements AsyncDisposable {
  readonly path: string;
  /** The format that a sidecar calls it; `undefined` for what has none. */
  readonly format: ArchiveFormat | undefined;
  readonly #stored: StoredArchive;
  readonly #compression: Compression;

  private constructor(path: string, extension: ArchiveExtension, stored: StoredArchive) {
    this.path = path;
    this.format = sidecarFormat(extension);
    this.#stored = stored;
    this.#compression = compressionOf(extension);
  }

  /** @throws DockformError `usage` for another extension, `failed` when it cannot be read. */
  static async open({ store, archivePath: path }: ArchiveInStore): Promise<Archive> {
    const extension = archiveExtension(path);
    if (extension !== undefined) return new Archive(path, extension, await store.open(path));
    throw new DockformError(
      "snapshot.not-a-snapshot",
      `${path} is not a snapshot: expected .tar.zst, .tar, or another program's .tzst, .tar.gz, .tgz, .tar.xz or .tar.bz2`,
      { hint: "Give the path of a snapshot's data file." },
    );
  }

  get storedBytes(): number {
    return this.#stored.storedBytes;
  }

  /** For `zstd` in the helper: what to undo of {@link chunks}, "none" for a plain tar. */
  get compression(): HelperCompression {
    return helperCompression(this.#compression);
  }

  /** What is known of the data; `undefined` where there is no sidecar. */
  sidecar(): Promise<Sidecar | undefined> {
    return this.#stored.sidecar();
  }

  /**
   * What the helper is given: the stored bytes, or the tar stream where only this side can unpack it. The digest gets
   * the stored bytes as they go by.
   */
  async *chunks(digest: Digest): ByteSource {
    requireNamedRight(this.#stored.head, this.#compression, this.path);
    yield* forHelper(this.#digested(digest), this.#compression, this.path);
  }

  /**
   * The tar stream, unpacked in this process.
   *
   * @throws DockformError `integrity` where it goes on beyond what the sidecar says.
   */
  async *tar(digest: Digest, signal: AbortSignal): ByteSource {
    requireNamedRight(this.#stored.head, this.#compression, this.path);
    const announcedBytes = await this.#announcedTarBytes();
    const tar = decompress(this.#digested(digest), this.#compression, this.path, signal);
    yield* announcedBytes === undefined
      ? tar
      : limited(tar, {
          bytes: announcedBytes,
          exceeded: () => damaged(this.path, beyondAnnounced(announcedBytes)),
        });
  }

  /** What is wrong with a sidecar is for those to say who need it: an archive can be read without. */
  async #announcedTarBytes(): Promise<number | undefined> {
    try {
      const sidecar = await this.sidecar();
      return sidecar && countedContents(sidecar, "")?.tarBytes;
    } catch (error) {
      if (error instanceof DockformError) return undefined;
      throw error;
    }
  }

  /** The stored bytes, digested as they go by. */
  async *#digested(digest: Digest): AsyncGenerator<Uint8Array> {
    for await (const chunk of this.#stored.chunks()) {
      digest.update(chunk);
      yield chunk;
    }
  }

  /** The SHA-256 over the stored bytes. */
  async sha256(startProgress: StartProgress, signal: AbortSignal): Promise<string> {
    const progress = startProgress(`Checking ${basename(this.path)}`, this.storedBytes);
    const digest = new Digest(progress);
    try {
      const chunks = this.#digested(digest)[Symbol.asyncIterator]();
      while ((await chunks.next()).done !== true) signal.throwIfAborted();
      return digest.sha256();
    } finally {
      progress.end();
    }
  }

  damaged(failure: string): DockformError {
    return new DockformError("archive.damaged", `${this.path} is damaged: ${failure}`, {
      hint: ANOTHER_SNAPSHOT,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stored[Symbol.asyncDispose]();
  }
}

function beyondAnnounced(announcedBytes: number): string {
  return `it is longer than the ${announcedBytes} bytes as tar that its sidecar says`;
}

/**
 * Compares the stored bytes with the sidecar's checksum.
 *
 * @throws DockformError `integrity` on a mismatch.
 */
export async function verifyChecksum(
  archive: Archive,
  sidecar: Sidecar,
  startProgress: StartProgress,
  signal: AbortSignal,
): Promise<string> {
  const expected = storedChecksum(sidecar, archive.format);
  if (expected === undefined) {
    throw new DockformError(
      "sidecar.no-checksum",
      `the sidecar of ${archive.path} has no checksum for .${archive.format}`,
      { hint: "To restore without that check, move the .json file away." },
    );
  }
  const actual = await archive.sha256(startProgress, signal);
  if (actual === expected) return actual;
  throw checksumMismatch(archive, expected, actual);
}

export function checksumMismatch(
  archive: Pick<Archive, "path">,
  expected: string,
  actual: string,
): DockformError {
  return new DockformError("archive.checksum-mismatch", `checksum mismatch for ${archive.path}`, {
    hint: `The file is not what was stored. ${ANOTHER_SNAPSHOT}`,
    data: { expected, actual },
  });
}

/**
 * What a sidecar says of an archive's contents; `undefined` where it does not know. The original counts in a second
 * read of the volume, so its numbers may be other ones, and are zero where that met a file in use.
 */
export function countedContents(sidecar: Sidecar, sha256: string): ArchiveContents | undefined {
  const { format_version: version, entry_count: entries, uncompressed_bytes: tarBytes } = sidecar;
  return version === undefined || entries === undefined
    ? undefined
    : { tarBytes, entries, sha256, holds: sidecar.holds };
}
