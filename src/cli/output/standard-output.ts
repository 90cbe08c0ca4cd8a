import { fstatSync, writeSync } from "node:fs";
import { Writable } from "node:stream";
import { DockformError, messageOf, systemCode } from "../../errors.ts";
import type { OutputStream } from "../io.ts";
import { shownLine } from "./shown-text.ts";

/** Node.js's own stream for a file says nothing where a disk takes only a part of what is written. */
class FileOutput extends Writable {
  readonly #fd: number;

  constructor(fd: number) {
    super();
    this.#fd = fd;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    try {
      for (let at = 0; at < chunk.length;) at += writeSync(this.#fd, chunk, at);
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    done();
  }
}

/** A stream of the process as it is to be used. */
export function outputStream(stream: OutputStream & { readonly fd: number }): OutputStream {
  return fstatSync(stream.fd).isFile() ? new FileOutput(stream.fd) : stream;
}

/**
 * Remembers what keeps a stream from being written to, which must not cut work short. A reader that goes away
 * (`dockform ... | head`) is no failure.
 */
export class WatchedOutput {
  readonly #stream: OutputStream;
  #error: Error | undefined;

  constructor(stream: OutputStream) {
    this.#stream = stream;
    stream.on("error", (error) => (this.#error ??= error));
  }

  /** @throws DockformError `failed` when not all was written. */
  async end(): Promise<void> {
    // An error is told of a moment after the write that it is of.
    await new Promise((resolve) => this.#stream.write(shownLine(""), () => setImmediate(resolve)));
    if (this.#error === undefined || systemCode(this.#error) === "EPIPE") return;
    throw new DockformError(
      "output.unwritable",
      `cannot write to standard output: ${messageOf(this.#error)}`,
      {
        hint: "The output is incomplete, but the command did its work. Is there free space where the output is written?",
        cause: this.#error,
      },
    );
  }
}
