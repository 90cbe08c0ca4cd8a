import { constants } from "node:fs";
import { access, mkdir, open, rename, rm, statfs, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DockformError, messageOf, systemCode } from "../errors.ts";
import { snapshotBaseName, type ArchiveFormat } from "../snapshot/name.ts";

/** Where the snapshots of one volume are: `<root>/[<context>/]<volume>`. */
export function snapshotFolder(root: string, context: string | undefined, volume: string): string {
  return context === undefined ? join(root, volume) : join(root, context, volume);
}

const SECOND_MS = 1000;
/** Small enough that the disk is at work from early on, large enough to be written in one go. */
const FLUSH_BYTES = 64 * 2 ** 20;

/**
 * A snapshot being written. Nothing has its final name before {@link PendingSnapshot.commit}; the
 * sidecar gets it last, and that is the moment from which the snapshot exists.
 */
export class PendingSnapshot implements AsyncDisposable {
  readonly baseName: string;
  readonly time: Date;
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
    readonly baseName: string;
    readonly time: Date;
    readonly data: FileHandle;
    readonly temporaryFile: string;
  }) {
    this.#folder = parts.folder;
    this.#format = parts.format;
    this.baseName = parts.baseName;
    this.time = parts.time;
    this.#data = parts.data;
    this.#temporaryFiles = [parts.temporaryFile];
  }

  /**
   * Claims a name that no snapshot has. Two snapshots within one second: the later one waits for the
   * next second, so that neither overwrites the other.
   *
   * @throws DockformError `failed` when the folder cannot be written to.
   */
  static async begin(options: {
    readonly folder: string;
    readonly format: ArchiveFormat;
    readonly specHash: string;
    readonly now: () => Date;
    readonly signal: AbortSignal;
  }): Promise<PendingSnapshot> {
    const { folder, format, specHash, now, signal } = options;
    await makeFolder(folder);
    for (;;) {
      signal.throwIfAborted();
      const time = new Date(Math.floor(now().getTime() / SECOND_MS) * SECOND_MS);
      const baseName = snapshotBaseName({ time, specHash });
      const temporaryFile = temporaryName(folder, `${baseName}.data`);
      const data = await claim(temporaryFile);
      if (data !== undefined && !(await isTaken(folder, baseName))) {
        return new PendingSnapshot({ folder, format, baseName, time, data, temporaryFile });
      }
      if (data !== undefined) await discard(data, temporaryFile);
      await new Promise((resolve) => setTimeout(resolve, SECOND_MS / 10));
    }
  }

  /** The data's final path. */
  get archivePath(): string {
    return join(this.#folder, `${this.baseName}.${this.#format}`);
  }

  get sidecarPath(): string {
    return join(this.#folder, `${this.baseName}.json`);
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
      throw cannotStore(this.archivePath, error);
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
  async commit(sidecarText: string): Promise<void> {
    try {
      await this.#flushing;
      await this.#data.sync();
      await this.#data.close();
      await this.#nameDataAndSidecar(sidecarText);
    } catch (error) {
      throw cannotStore(this.archivePath, error);
    }
  }

  async #nameDataAndSidecar(sidecarText: string): Promise<void> {
    const [dataFile = ""] = this.#temporaryFiles;
    const sidecarFile = temporaryName(this.#folder, `${this.baseName}.json`);
    this.#temporaryFiles.push(sidecarFile);
    await writeFlushed(sidecarFile, sidecarText);
    await rename(dataFile, this.archivePath);
    // Until the sidecar is there the data is no snapshot, and goes if that fails.
    this.#temporaryFiles = [this.archivePath, sidecarFile];
    await flushFolder(this.#folder);
    await rename(sidecarFile, this.sidecarPath);
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

/** Begins with a dot and does not end like a snapshot, so that nothing takes it for one. */
export function temporaryName(folder: string, name: string): string {
  return join(folder, `.${name}.partial`);
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

async function exists(file: string): Promise<boolean> {
  try {
    await access(file, constants.F_OK);
    return true;
  } catch {
    return false;
  }
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
    hint: "Check the folder's owner and mode, or name another one with -o.",
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
        ? "No snapshot was written. Make room there; `volume snapshot -o` writes elsewhere."
        : "No snapshot was written. Check the disk of that folder, or name another one with -o.",
      cause: error,
    },
  );
}

/** Writes a new file, for its owner alone, and flushes it to the disk. */
export async function writeFlushed(file: string, content: string): Promise<void> {
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a rename survive a power loss. */
export async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems cannot flush a folder; they keep renames in order by themselves.
    if (!["EINVAL", "ENOTSUP"].includes(systemCode(error) ?? "")) throw error;
  } finally {
    await handle.close();
  }
}

/** Bytes that an ordinary user may still write where the folder is or would be made. */
export async function freeBytes(folder: string): Promise<number> {
  let existing = folder;
  while (!(await exists(existing)) && dirname(existing) !== existing) existing = dirname(existing);
  const { bavail, bsize } = await statfs(existing);
  return bavail * bsize;
}
