import type { RequestOptions } from "node:http";
import type { Socket } from "node:net";
import { handOver, type Transport } from "./transport.ts";

const READ_BYTES = 64 * 1024;

/**
 * Reads a connection into one buffer again and again. Otherwise Node.js makes a new one for each read, and
 * 80 MB of them pile up before they are collected.
 */
export class Intake {
  readonly #accept: (bytes: Buffer) => boolean;
  readonly #buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  #begun = false;

  constructor(accept: (bytes: Buffer) => boolean) {
    this.#accept = accept;
  }

  /** What `node:http` gets a connection from. */
  connector(transport: Transport): RequestOptions["createConnection"] {
    return (_options, created) => {
      handOver(this.#connect(transport), created);
      return undefined;
    };
  }

  async #connect(transport: Transport): Promise<Socket> {
    const opened: { socket?: Socket } = {};
    const callback = (bytes: number): boolean => {
      const read = this.#buffer.subarray(0, bytes);
      if (this.#begun) return this.#accept(read);
      // Nothing is read before something was asked.
      return opened.socket?.push(Buffer.from(read)) ?? true;
    };
    opened.socket = await transport.connect({ buffer: this.#buffer, callback });
    return opened.socket;
  }

  /** From here on what is read is no HTTP any more; `head` has come with the answer. */
  begin(head: Buffer): void {
    this.#begun = true;
    if (head.length > 0) this.#accept(head);
  }
}
