import { mkdir, open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DockformError, messageOf, systemCode } from "../../errors.ts";
import { snapshotBaseName, type ArchiveFormat } from "../../snapshot/name.ts";
import { formatSidecar, type Sidecar } from "../../snapshot/sidecar.ts";
import type { BeginOptions, PendingSnapshot, StoredSnapshot } from "../store.ts";
import { exists, flushFolder, temporaryName, writeFlushed } from "./disk.ts";

const SECOND_MS = 1000;
/** Small enough that the disk is at work from early on, large enough to be written in one go. */
const FLUSH_BYTES = 64 * 2 ** 20;

/**
 * A snapshot being written to a folder. Nothing has its final name before {@link PendingInFolder.commit}; the
 * sidecar gets it last, and that is the moment from which the snapshot exists.
 */
export class PendingInFolder implements PendingSnapshot {
  readonly time: Date;
  readonly #specHash: string;
  readonly #baseName: string;
  readonly #data: FileHandle;
  readonly #folder: string;
  readonly #format: ArchiveFormat;
  #temporaryFiles: string[];
  #bytes = 0;
  #flushedBytes = 0;
  #flushing: Promise<void> | undefined;

  private constructor(parts: {
    readonly folder: string;
    readonly format: ArchiveFormat;
    readonly time: Date;
    readonly specHash: string;
    readonly baseName: string;
    readonly data: FileHandle;
    readonly temporaryFile: string;
  }) {
    this.#folder = parts.folder;
    this.#format = parts.format;
    this.time = parts.time;
    this.#specHash = parts.specHash;
    this.#baseName = parts.baseName;
    this.#data = parts.data;
    this.#temporaryFiles = [parts.temporaryFile];
  }

  /**
   * Claims a name that no snapshot has. Two snapshots within one second: the later one waits for the
   * next second, so that neither overwrites the other.
   *
   * @throws DockformError `failed` when the folder cannot be written to.
   */
  static async begin(
    folder: string,
    { format, specHash, now, signal }: Omit<BeginOptions, "context" | "volume">,
  ): Promise<PendingInFolder> {
    await makeFolder(folder);
    for (;;) {
      signal.throwIfAborted();
      const time = new Date(Math.floor(now().getTime() / SECOND_MS) * SECOND_MS);
      const baseName = snapshotBaseName({ time, specHash });
      const temporaryFile = temporaryName(folder, `${baseName}.data`);
      const data = await claim(temporaryFile);
      if (data !== undefined && !(await isTaken(folder, baseName))) {
        return new PendingInFolder({
          folder,
          format,
          time,
          specHash,
          baseName,
          data,
          temporaryFile,
        });
      }
      if (data !== undefined) await discard(data, temporaryFile);
      await new Promise((resolve) => setTimeout(resolve, SECOND_MS / 10));
    }
  }

  get #archivePath(): string {
    return join(this.#folder, `${this.#baseName}.${this.#format}`);
  }

  get #sidecarPath(): string {
    return join(this.#folder, `${this.#baseName}.json`);
  }

  /**
   * Appends to the data. Several may be under way; they end up in the order of the calls.
   *
   * @throws DockformError `failed` when the disk is full or broken.
   */
  async write(chunk: Uint8Array): Promise<void> {
    let position = this.#bytes;
    this.#bytes += chunk.length;
    try {
      for (let rest = chunk; rest.length > 0;) {
        const { bytesWritten } = await this.#data.write(rest, 0, rest.length, position);
        rest = rest.subarray(bytesWritten);
        position += bytesWritten;
      }
    } catch (error) {
      throw cannotStore(this.#archivePath, error);
    }
    this.#flushNowAndThen();
  }

  /** Keeps the disk busy while data still comes in, so that little is left to be flushed in the end. */
  #flushNowAndThen(): void {
    if (this.#flushing !== undefined || this.#bytes - this.#flushedBytes < FLUSH_BYTES) return;
    // The system tells of an error once: a failed flush stays here, for `commit` to fail by it.
    this.#flushing = this.#flush();
    this.#flushing.catch(() => {});
  }

  async #flush(): Promise<void> {
    this.#flushedBytes = this.#bytes;
    await this.#data.datasync();
    this.#flushing = undefined;
  }

  /**
   * Flushes the data and gives it its name, then the same with the sidecar.
   *
   * @throws DockformError `failed` when the disk is full or broken.
   */
  async commit(sidecar: Sidecar): Promise<StoredSnapshot> {
    try {
      await this.#flushing;
      await this.#data.sync();
      await this.#data.close();
      await this.#nameDataAndSidecar(formatSidecar(sidecar));
      return {
        time: this.time,
        specHash: this.#specHash,
        archivePath: this.#archivePath,
        sidecarPath: this.#sidecarPath,
      };
    } catch (error) {
      throw cannotStore(this.#archivePath, error);
    }
  }

  async #nameDataAndSidecar(sidecarText: string): Promise<void> {
    const [dataFile = ""] = this.#temporaryFiles;
    const sidecarFile = temporaryName(this.#folder, `${this.#baseName}.json`);
    this.#temporaryFiles.push(sidecarFile);
    await writeFlushed(sidecarFile, sidecarText);
    await rename(dataFile, this.#archivePath);
    // Until the sidecar is there the data is no snapshot, and goes if that fails.
    this.#temporaryFiles = [this.#archivePath, sidecarFile];
    await flushFolder(this.#folder);
    await rename(sidecarFile, this.#sidecarPath);
    this.#temporaryFiles = [];
    await flushFolder(this.#folder);
  }

  /** Removes what a snapshot that was not committed has written. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flushing?.catch(() => {});
    await this.#data.close();
    for (const file of this.#temporaryFiles) await rm(file, { force: true });
  }
}

/** Creates the file; `undefined` when another snapshot of this second is being written. */
async function claim(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, "wx", 0o600);
  } catch (error) {
    if (systemCode(error) === "EEXIST") return undefined;
    throw cannotWrite(dirname(file), error);
  }
}

async function isTaken(folder: string, baseName: string): Promise<boolean> {
  const names = ["tar.zst", "tar", "json"].map((extension) => `${baseName}.${extension}`);
  const found = await Promise.all(names.map((name) => exists(join(folder, name))));
  return found.includes(true);
}

async function discard(data: FileHandle, file: string): Promise<void> {
  await data.close();
  await rm(file, { force: true });
}

/** A snapshot holds secrets: its folders are the owner's alone. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await makeLevelByLevel(folder);
  } catch (error) {
    throw cannotWrite(folder, error);
  }
}

/** Making several levels at once reports a read-only file system as a missing folder, and flushes none. */
async function makeLevelByLevel(folder: string): Promise<void> {
  if (await exists(folder)) return;
  const parent = dirname(folder);
  await makeLevelByLevel(parent);
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    // Others may make it at the same moment.
    if (systemCode(error) !== "EEXIST") throw error;
  });
  await flushFolder(parent).catch((error: unknown) => {
    // One may be allowed to write to it, and not to read it.
    if (systemCode(error) !== "EACCES") throw error;
  });
}

function cannotWrite(folder: string, error: unknown): DockformError {
  return new DockformError("store.unwritable", `cannot write to ${folder}: ${messageOf(error)}`, {
    hint: "Check the folder's owner and mode.",
    advice: [{ code: "choose-store" }],
    cause: error,
  });
}

function cannotStore(path: string, error: unknown): DockformError {
  const full = systemCode(error) === "ENOSPC" || systemCode(error) === "EDQUOT";
  return new DockformError(
    full ? "store.full" : "store.unwritable",
    `cannot write ${path}: ${full ? "the disk is full" : messageOf(error)}`,
    {
      hint: full
        ? "No snapshot was written. Make room there."
        : "No snapshot was written. Check the disk of that folder.",
      advice: [{ code: "choose-store" }],
      cause: error,
    },
  );
}
