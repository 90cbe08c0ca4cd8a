import { open, type FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { DockformError, messageOf, systemCode } from "../errors.ts";
import type { ByteSource } from "../helper/data-path.ts";
import type { Helper } from "../helper/helper.ts";
import { archiveFormat, sidecarPath, type ArchiveFormat } from "../snapshot/name.ts";
import { parseSidecar, storedChecksum, type Sidecar } from "../snapshot/sidecar.ts";
import { formatBytes } from "../format.ts";
import { tarOutcome, tarRecordLimit, type TarOutcome } from "../helper/messages.ts";
import { DATA_AFTER_END } from "../tar/damage.ts";
import { Digest } from "./digest.ts";
import type { StartProgress } from "./tools.ts";

const READ_BYTES = 1 << 18;

const ANOTHER_SNAPSHOT = "Nothing was touched. Restore from another snapshot.";

/** What is known of an archive's contents before it is extracted. */
export interface ArchiveContents {
  /** Length of the tar stream, which its files need at least. */
  readonly tarBytes: number;
  readonly entries: number;
  /** Whether these two were counted on this very stream, so that extraction must find the same. */
  readonly counted: boolean;
  /** What the tar stream may hold at the most: more than that is not believed, or has no room. */
  readonly limitBytes: number;
  /** Of the stored bytes, 64 hex digits. */
  readonly sha256: string;
}

/** A snapshot's data, held open so that it stays the same file however often it is read. */
export class Archive implements AsyncDisposable {
  readonly path: string;
  readonly format: ArchiveFormat;
  readonly storedBytes: number;
  readonly #file: FileHandle;

  private constructor(path: string, format: ArchiveFormat, file: FileHandle, storedBytes: number) {
    this.path = path;
    this.format = format;
    this.storedBytes = storedBytes;
    this.#file = file;
  }

  /** @throws DockformError `usage` for another extension, `failed` when it cannot be read. */
  static async open(path: string): Promise<Archive> {
    const format = archiveFormat(path);
    if (format === undefined) {
      throw new DockformError("usage", `${path} is not a snapshot: expected .tar.zst or .tar`, {
        hint: "Give the path of a snapshot's data file.",
      });
    }
    try {
      const file = await open(path, "r");
      const stats = await file.stat();
      if (stats.isFile()) return new Archive(path, format, file, stats.size);
      await file.close();
    } catch (error) {
      throw cannotRead(path, error);
    }
    throw new DockformError("failed", `${path} is not a file`, {
      hint: "Give the path of a snapshot's data file.",
    });
  }

  /** For `zstd` in the helper: what to undo, "none" for a plain tar. */
  get compression(): string {
    return this.format === "tar" ? "none" : "zstd";
  }

  /** The sidecar beside the data; `undefined` where there is none. */
  async sidecar(): Promise<Sidecar | undefined> {
    const path = sidecarPath(this.path, this.format);
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

  /** The stored bytes from the beginning, digested as they go by; two buffers take turns. */
  async *chunks(digest: Digest): ByteSource {
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
      const chunks = this.chunks(digest)[Symbol.asyncIterator]();
      while ((await chunks.next()).done !== true) signal.throwIfAborted();
      return digest.sha256();
    } finally {
      progress.end();
    }
  }

  /**
   * Reads the archive to its end with the helper's own zstd and tar, without writing anything.
   *
   * @param limitBytes what there is room for; an archive that holds more is not read further.
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
      const reply = await helper.dataPath.send(
        (input) => ["scan", input, this.compression, String(tarRecordLimit(limitBytes))],
        this.chunks(digest),
        signal,
        progress.report,
      );
      if (reply.facts.has("over_limit")) throw this.#tooLarge(limitBytes);
      const outcome = tarOutcome(reply);
      const failure = (outcome.goesOn ? undefined : outcome.failure) ?? shortcoming(outcome);
      if (failure !== undefined) throw this.damaged(failure);
      const { tarBytes, entries } = outcome;
      return { tarBytes, entries, counted: true, limitBytes: tarBytes, sha256: digest.sha256() };
    } finally {
      progress.end();
    }
  }

  #tooLarge(limitBytes: number): DockformError {
    return new DockformError(
      "refused",
      `${this.path} holds more than the ${formatBytes(limitBytes)} that the volume's file system has room for`,
      {
        hint: "Nothing was touched. Make room on it, add --in-place to do without room for the old contents, or restore from another snapshot.",
      },
    );
  }

  damaged(failure: string): DockformError {
    return new DockformError("integrity", `${this.path} is damaged: ${failure}`, {
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
      "integrity",
      `the sidecar of ${archive.path} has no checksum for .${archive.format}`,
      { hint: "To restore without that check, move the .json file away." },
    );
  }
  const actual = await archive.sha256(startProgress, signal);
  if (actual === expected) return actual;
  throw checksumMismatch(archive, expected, actual);
}

export function checksumMismatch(
  archive: Archive,
  expected: string,
  actual: string,
): DockformError {
  return new DockformError("integrity", `checksum mismatch for ${archive.path}`, {
    hint: `The file is not what was stored. ${ANOTHER_SNAPSHOT}`,
    data: { expected, actual },
  });
}

/** By how much an archive may differ from numbers that were not counted on it. */
const UNCOUNTED_SLACK_BYTES = 64 << 20;
/** Of what is free: others need room on that disk, too, until such an archive is found out. */
const FILLED_AT_MOST = 0.95;

/**
 * What a sidecar says of an archive's contents. The original counts in a second read of the volume, so its
 * numbers may be other ones; such an archive may hold more, as far as there is room for it.
 */
export function contentsBySidecar(
  sidecar: Sidecar,
  sha256: string,
  freeBytes: number,
): ArchiveContents {
  const counted = sidecar.format_version !== undefined && sidecar.entry_count !== undefined;
  const tarBytes = sidecar.uncompressed_bytes;
  return {
    tarBytes,
    entries: sidecar.entry_count ?? sidecar.file_count,
    counted,
    limitBytes: counted
      ? tarBytes
      : Math.max(
          tarBytes,
          Math.min(freeBytes * FILLED_AT_MOST, tarBytes * 2 + UNCOUNTED_SLACK_BYTES),
        ),
    sha256,
  };
}

/** What tar does not mind in an archive, and we do. What goes on tar may mind as well, in words of its own. */
export function shortcoming({ entries, markedEnd, goesOn }: TarOutcome): string | undefined {
  if (goesOn) return DATA_AFTER_END;
  if (!markedEnd) return "it was cut short";
  return entries === 0 ? "there is nothing in it, not even the root folder" : undefined;
}

function cannotRead(path: string, error: unknown): DockformError {
  const missing = systemCode(error) === "ENOENT";
  return new DockformError(
    "failed",
    missing ? `${path} does not exist` : `cannot read ${path}: ${messageOf(error)}`,
    {
      hint: missing
        ? "Look into the folder .dockform/snapshots beside the manifest, or run `dockform volume list`."
        : "Check the file's owner and mode.",
      cause: error,
    },
  );
}
