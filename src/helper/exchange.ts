import { randomBytes } from "node:crypto";
import { constants, open } from "node:fs";
import {
  lstat,
  mkdtemp,
  open as openHandle,
  readFile,
  rm,
  writeFile,
  type FileHandle,
} from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ByteSink } from "../engine/multiplex.ts";
import type { HelperReply } from "./reply.ts";

const openDescriptor = promisify(open);

/** As much as one read of a pipe can bring. */
const PIPE_BYTES = 64 * 1024;
const BUFFERS = 3;
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

  static async create(temporaryFolder: string): Promise<ExchangeFolder> {
    const folder = await mkdtemp(join(temporaryFolder, "dockform-"));
    const token = randomBytes(16).toString("hex");
    await writeFile(join(folder, "token"), token, { mode: 0o600 });
    return new ExchangeFolder(folder, token);
  }

  /** The pipe's path inside the helper. */
  get pipeInHelper(): string {
    return "/exchange/data";
  }

  /** Whether the helper's `hello` shows that it reads this very folder, under this very kernel. */
  async proves(hello: HelperReply): Promise<boolean> {
    if (hello.facts.get("token") !== this.#token) return false;
    try {
      const kernel = (await readFile(BOOT_ID_FILE, "utf8")).trim();
      return hello.facts.get("kernel") === kernel && (await lstat(this.#pipe)).isFIFO();
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
 * Reads a pipe to its end. The socket asks for its next buffer as soon as one is full, so of three
 * buffers one is always in its hands and two are on their way into the sink.
 */
function readAll(fd: number, sink: ByteSink, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const free = Array.from({ length: BUFFERS }, () => new Uint8Array(PIPE_BYTES));
  const takeFree = (): Uint8Array<ArrayBuffer> => {
    const buffer = free.shift();
    if (buffer === undefined) throw new Error("the pipe was read on without a free buffer");
    return buffer;
  };
  let sinking = 0;
  let atEnd = false;
  const settle = (): void => {
    if (atEnd && sinking === 0) resolve();
  };
  const fail = (error: unknown): void => {
    socket.destroy();
    reject(error);
  };
  const release = (buffer: Uint8Array<ArrayBuffer>): void => {
    sinking -= 1;
    free.push(buffer);
    settle();
    socket.resume();
  };
  const consume = (bytes: number, buffer: Uint8Array<ArrayBuffer>): boolean => {
    sinking += 1;
    sink(buffer.subarray(0, bytes)).then(() => release(buffer), fail);
    // One free buffer goes to the socket at once; only with another one may it read on.
    return free.length > 1;
  };
  const onread = { buffer: takeFree, callback: consume };
  const socket = new Socket({ fd, readable: true, writable: false, onread });
  socket.once("end", () => {
    atEnd = true;
    settle();
  });
  socket.once("error", fail);
  const abort = (): void => fail(signal.reason);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return promise.finally(() => signal.removeEventListener("abort", abort));
}
