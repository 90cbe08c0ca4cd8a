import { Buffer } from "node:buffer";
import { open, type FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { DockformError, messageOf, systemCode } from "../errors.ts";
import type { ByteSource } from "../helper/agent.ts";
import type { Helper } from "../helper/helper.ts";
import {
  archiveExtension,
  sidecarFormat,
  sidecarPath,
  type ArchiveExtension,
  type ArchiveFormat,
} from "../snapshot/name.ts";
import {
  parseSidecar,
  storedChecksum,
  type ArchiveHoldings,
  type Sidecar,
} from "../snapshot/sidecar.ts";
import { formatBytes } from "../format.ts";
import { tarOutcome, tarRecordLimit, type TarOutcome } from "../helper/messages.ts";
import { DATA_AFTER_END } from "../tar/damage.ts";
import {
  compressionOf,
  decompress,
  forHelper,
  HEAD_BYTES,
  helperCompression,
  requireNamedRight,
  type Compression,
  type HelperCompression,
} from "./compression.ts";
import { Digest } from "./digest.ts";
import type { StartProgress } from "../tools.ts";

const READ_BYTES = 1 << 18;

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

/** A snapshot's data, held open so that it stays the same file however often it is read. */
export class Archive implements AsyncDisposable {
  readonly path: string;
  /** The format that a sidecar calls it; `undefined` for what has none. */
  readonly format: ArchiveFormat | undefined;
  /** Where its sidecar is, if there is one. */
  readonly sidecarPath: string | undefined;
  readonly storedBytes: number;
  readonly #file: FileHandle;
  readonly #head: Buffer;
  readonly #compression: Compression;

  private constructor(path: string, extension: ArchiveExtension, file: OpenedFile) {
    this.path = path;
    this.format = sidecarFormat(extension);
    this.sidecarPath = this.format && sidecarPath(path, extension);
    this.storedBytes = file.storedBytes;
    this.#file = file.handle;
    this.#head = file.head;
    this.#compression = compressionOf(extension);
  }

  /** @throws DockformError `usage` for another extension, `failed` when it cannot be read. */
  static async open(path: string): Promise<Archive> {
    const extension = archiveExtension(path);
    if (extension !== undefined) return new Archive(path, extension, await openFile(path));
    throw new DockformError(
      "snapshot.not-a-snapshot",
      `${path} is not a snapshot: expected .tar.zst, .tar, or another program's .tzst, .tar.gz, .tgz, .tar.xz or .tar.bz2`,
      { hint: "Give the path of a snapshot's data file." },
    );
  }

  /** For `zstd` in the helper: what to undo of {@link chunks}, "none" for a plain tar. */
  get compression(): HelperCompression {
    return helperCompression(this.#compression);
  }

  /** The sidecar beside the data; `undefined` where there is none. */
  async sidecar(): Promise<Sidecar | undefined> {
    const path = this.sidecarPath;
    if (path === undefined) return undefined;
    let text: string;
    try {
      const file = await open(path, "r");
      try {
        text = await file.readFile("utf8");
      } finally {
        await file.close();
      }
    } catch (error) {
      if (systemCode(error) === "ENOENT") return undefined;
      throw cannotRead(path, error);
    }
    return parseSidecar(text, path);
  }

  /**
   * What the helper is given: the stored bytes, or the tar stream where only this side can unpack it. The digest gets
   * the stored bytes as they go by.
   */
  async *chunks(digest: Digest): ByteSource {
    requireNamedRight(this.#head, this.#compression, this.path);
    yield* forHelper(this.#stored(digest), this.#compression, this.path);
  }

  /** The tar stream, unpacked in this process. */
  async *tar(digest: Digest, signal: AbortSignal): ByteSource {
    requireNamedRight(this.#head, this.#compression, this.path);
    yield* decompress(this.#stored(digest), this.#compression, this.path, signal);
  }

  /** The stored bytes from the beginning, digested as they go by; two buffers take turns. */
  async *#stored(digest: Digest): AsyncGenerator<Uint8Array> {
    let buffer = new Uint8Array(READ_BYTES);
    let other = new Uint8Array(READ_BYTES);
    for (let position = 0; ;) {
      const bytesRead = await this.#read(buffer, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      const chunk = buffer.subarray(0, bytesRead);
      digest.update(chunk);
      yield chunk;
      [buffer, other] = [other, buffer];
    }
  }

  /** Until the buffer is full or the file ends: zstd's decoder asks for more while it holds little. */
  async #read(buffer: Uint8Array, position: number): Promise<number> {
    try {
      for (let at = 0; ;) {
        const { length } = buffer;
        const { bytesRead } = await this.#file.read(buffer, at, length - at, position + at);
        at += bytesRead;
        if (bytesRead === 0 || at === length) return at;
      }
    } catch (error) {
      throw cannotRead(this.path, error);
    }
  }

  /** The SHA-256 over the stored bytes. */
  async sha256(startProgress: StartProgress, signal: AbortSignal): Promise<string> {
    const progress = startProgress(`Checking ${basename(this.path)}`, this.storedBytes);
    const digest = new Digest(progress);
    try {
      const chunks = this.#stored(digest)[Symbol.asyncIterator]();
      while ((await chunks.next()).done !== true) signal.throwIfAborted();
      return digest.sha256();
    } finally {
      progress.end();
    }
  }

  /**
   * Reads the archive to its end with the helper's own zstd and tar, without writing anything.
   *
   * @param limitBytes an archive that holds more is not read further.
   * @throws DockformError `integrity` when it is damaged, cut short or no archive at all.
   */
  async scan(
    helper: Helper,
    limitBytes: number,
    startProgress: StartProgress,
    signal: AbortSignal,
  ): Promise<ArchiveContents> {
    const progress = startProgress(`Reading ${basename(this.path)}`, this.storedBytes);
    const digest = new Digest(progress);
    try {
      const reply = await helper.send(
        (input) => ["scan", input, this.compression, String(tarRecordLimit(limitBytes))],
        this.chunks(digest),
        signal,
        progress.report,
      );
      if (reply.facts.has("over_limit")) throw this.damaged(moreThanCounted(limitBytes));
      const outcome = tarOutcome(reply);
      const failure = (outcome.goesOn ? undefined : outcome.failure) ?? shortcoming(outcome);
      if (failure !== undefined) throw this.damaged(failure);
      const { tarBytes, entries } = outcome;
      return { tarBytes, entries, sha256: digest.sha256() };
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
    await this.#file.close();
  }
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

export function moreThanCounted(limitBytes: number): string {
  return `it holds more than the ${formatBytes(limitBytes)} that were counted before`;
}

/** What tar does not mind in an archive, and we do. What goes on tar may mind as well, in words of its own. */
export function shortcoming({ markedEnd, goesOn }: TarOutcome): string | undefined {
  if (goesOn) return DATA_AFTER_END;
  return markedEnd ? undefined : "it was cut short";
}

interface OpenedFile {
  readonly handle: FileHandle;
  readonly storedBytes: number;
  /** Its first bytes. */
  readonly head: Buffer;
}

async function openFile(path: string): Promise<OpenedFile> {
  try {
    const handle = await open(path, "r");
    const stats = await handle.stat();
    if (stats.isFile()) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      return { handle, storedBytes: stats.size, head: buffer.subarray(0, bytesRead) };
    }
    await handle.close();
  } catch (error) {
    throw cannotRead(path, error);
  }
  throw new DockformError("archive.not-a-file", `${path} is not a file`, {
    hint: "Give the path of a snapshot's data file.",
  });
}

function cannotRead(path: string, error: unknown): DockformError {
  const missing = systemCode(error) === "ENOENT";
  return new DockformError(
    missing ? "archive.not-found" : "archive.unreadable",
    missing ? `${path} does not exist` : `cannot read ${path}: ${messageOf(error)}`,
    {
      hint: missing
        ? "Look into the folder .dockform/snapshots beside the manifest, or run `dockform volume list`."
        : "Check the file's owner and mode.",
      cause: error,
    },
  );
}
