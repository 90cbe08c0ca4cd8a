import { randomBytes } from "node:crypto";
import { constants, open } from "node:fs";
import {
  lstat,
  open as openHandle,
  readFile,
  rm,
  writeFile,
  type FileHandle,
} from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { withSignal } from "../abort.ts";
import { SinkBuffers, type ByteSink } from "../engine/sink-buffers.ts";
import type { Log } from "../log.ts";
import { makeTemporaryFolder } from "../temporary-folder.ts";
import type { Hello } from "./verbs.ts";

const openDescriptor = promisify(open);

/** As much as one read of a pipe can bring. */
const PIPE_BYTES = 64 * 1024;
const BOOT_ID_FILE = "/proc/sys/kernel/random/boot_id";

/**
 * A folder of the client's that the helper mounts, for a named pipe between the two. A pipe carries
 * bytes only where both ends use one kernel, which {@link ExchangeFolder.proves} finds out.
 */
export class ExchangeFolder {
  readonly folder: string;
  readonly #token: string;

  private constructor(folder: string, token: string) {
    this.folder = folder;
    this.#token = token;
  }

  static async create(temporaryFolder: string, log: Log): Promise<ExchangeFolder> {
    const folder = await makeTemporaryFolder(temporaryFolder, log);
    const token = randomBytes(16).toString("hex");
    await writeFile(join(folder, "token"), token, { mode: 0o600 });
    return new ExchangeFolder(folder, token);
  }

  /** The pipe's path inside the helper. */
  get pipeInHelper(): string {
    return "/exchange/data";
  }

  /** Whether the helper's `hello` shows that it reads this very folder, under this very kernel. */
  async proves(hello: Hello): Promise<boolean> {
    if (hello.token !== this.#token) return false;
    try {
      const kernel = (await readFile(BOOT_ID_FILE, "utf8")).trim();
      return hello.kernel === kernel && (await lstat(this.#pipe)).isFIFO();
    } catch {
      return false;
    }
  }

  /**
   * Opens the client's reading end and hands what arrives to `sink` until the helper's writing end is
   * closed. A socket reads a pipe without a thread of the pool, which a file stream would hold.
   */
  async openForReading(
    sink: ByteSink,
    signal: AbortSignal,
  ): Promise<{ readonly ended: Promise<void> }> {
    const fd = await openDescriptor(this.#pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    return { ended: readAll(fd, sink, signal) };
  }

  /** Opens both ends, so that neither side's own opening has to wait for the other's. */
  async openForUnblocking(): Promise<FileHandle> {
    return openHandle(this.#pipe, constants.O_RDWR | constants.O_NONBLOCK);
  }

  /** Opens the client's writing end; the helper's reading end must be open. */
  async openForWriting(): Promise<Socket> {
    const fd = await openDescriptor(this.#pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    return new Socket({ fd, readable: false, writable: true });
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  get #pipe(): string {
    return join(this.folder, "data");
  }
}

/**
 * Reads a pipe to its end, each time into what is left of a buffer. What its writer has not filled up yet waits
 * for more, or for the end; nobody needs it before.
 */
async function readAll(fd: number, sink: ByteSink, signal: AbortSignal): Promise<void> {
  const buffers = new SinkBuffers(sink, PIPE_BYTES, () => socket.resume());
  const onread = {
    buffer: () => buffers.room,
    callback: (bytes: number): boolean => {
      buffers.filled(bytes);
      return buffers.keepsUp;
    },
  };
  const socket = new Socket({ fd, readable: true, writable: false, onread });
  socket.once("end", () => buffers.end());
  socket.once("error", (error) => buffers.fail(error));
  try {
    await withSignal(buffers.ended, signal);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
