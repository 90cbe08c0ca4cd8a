import { open, type FileHandle } from "node:fs/promises";
import type { ByteSource } from "../../byte-source.ts";
import { DockformError, messageOf, systemCode } from "../../errors.ts";
import type { Sidecar } from "../../snapshot/sidecar.ts";
import { HEAD_BYTES, type StoredArchive } from "../store.ts";
import { readSidecarFile } from "./sidecar-file.ts";

const READ_BYTES = 1 << 18;

/** A data file, held open so that it stays the same file however often it is read. */
export class ArchiveFile implements StoredArchive {
  readonly storedBytes: number;
  readonly head: Buffer;
  readonly #path: string;
  readonly #sidecarPath: string | undefined;
  readonly #file: FileHandle;

  private constructor(path: string, sidecarPath: string | undefined, file: OpenedFile) {
    this.#path = path;
    this.#sidecarPath = sidecarPath;
    this.#file = file.handle;
    this.storedBytes = file.storedBytes;
    this.head = file.head;
  }

  /** @throws DockformError `failed` when it cannot be read. */
  static async open(path: string, sidecarPath: string | undefined): Promise<ArchiveFile> {
    return new ArchiveFile(path, sidecarPath, await openFile(path));
  }

  /** Two buffers take turns. */
  async *chunks(): ByteSource {
    let buffer = new Uint8Array(READ_BYTES);
    let other = new Uint8Array(READ_BYTES);
    for (let position = 0; ;) {
      const bytesRead = await this.#read(buffer, position);
      if (bytesRead === 0) return;
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
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
      throw cannotRead(this.#path, error);
    }
  }

  async sidecar(): Promise<Sidecar | undefined> {
    const path = this.#sidecarPath;
    if (path === undefined) return undefined;
    try {
      return readSidecarFile(path).sidecar;
    } catch (error) {
      if (systemCode(error) === "ENOENT") return undefined;
      throw error instanceof DockformError ? error : cannotRead(path, error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

interface OpenedFile {
  readonly handle: FileHandle;
  readonly storedBytes: number;
  /** Its first bytes. */
  readonly head: Buffer;
}

async function openFile(path: string): Promise<OpenedFile> {
  try {
    await using closing = new AsyncDisposableStack();
    const handle = closing.use(await open(path, "r"));
    const stats = await handle.stat();
    if (stats.isFile()) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
      closing.move();
      return { handle, storedBytes: stats.size, head: buffer.subarray(0, bytesRead) };
    }
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
      ...(missing
        ? { advice: [{ code: "find-snapshots" }] }
        : { hint: "Check the file's owner and mode." }),
      cause: error,
    },
  );
}
