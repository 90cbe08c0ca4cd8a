import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { DockformError } from "../errors.ts";

/** What a verb of helper.sh answered. */
export interface HelperReply {
  /** The exit status of the verb. */
  readonly status: number;
  readonly facts: ReadonlyMap<string, string>;
  /** What tar, zstd and mv said, at most {@link MESSAGES_KEPT} lines of it. */
  readonly messages: readonly string[];
  readonly messageCount: number;
}

/** A verb that is under way. */
export interface HelperCall {
  /** Whether the helper opened its end of the data stream; false when the verb ended before that. */
  readonly ready: Promise<boolean>;
  readonly reply: Promise<HelperReply>;
}

/** A volume in full change can cause a message a file; the first ones say what there is to say. */
const MESSAGES_KEPT = 1000;

/**
 * Reads the helper's stderr and sorts marked lines (facts) from the tools' messages.
 * Protocol: `<mark> <fact> <value>`, and `<mark> end <status>` after each verb.
 */
export class ReplyReader {
  readonly #mark: string;
  #lastMessage: string | undefined;
  #current: PendingCall | undefined;
  #ended: DockformError | undefined;

  constructor(stderr: Readable, mark: string) {
    this.#mark = `${mark} `;
    const lines = createInterface({ input: stderr, crlfDelay: Infinity });
    lines.on("line", (line) => this.#accept(line));
    lines.once("close", () => this.#end());
    stderr.once("error", (error) => this.#end(error));
  }

  /** Expects the reply of one verb; calls follow one another. */
  expect(): HelperCall {
    const call = new PendingCall();
    if (this.#ended !== undefined) call.fail(this.#ended);
    this.#current = call;
    return { ready: call.ready.promise, reply: call.reply.promise };
  }

  #accept(line: string): void {
    if (!line.startsWith(this.#mark)) {
      this.#current?.addMessage(line);
      this.#lastMessage = line;
      return;
    }
    const [, name = "", value = ""] = /^(\S+) ?(.*)$/.exec(line.slice(this.#mark.length)) ?? [];
    this.#current?.addFact(name, value);
  }

  #end(cause?: Error): void {
    const last = this.#lastMessage;
    this.#ended ??= new DockformError(
      "failed",
      `the helper container ended unexpectedly${last === undefined ? "" : `: ${last}`}`,
      {
        hint: "Was it removed, or the engine stopped or out of memory? Look at the engine's log, then run the command again.",
        cause,
      },
    );
    this.#current?.fail(this.#ended);
  }
}

class PendingCall {
  readonly ready = Promise.withResolvers<boolean>();
  readonly reply = Promise.withResolvers<HelperReply>();
  readonly #facts = new Map<string, string>();
  readonly #messages: string[] = [];
  #messageCount = 0;

  constructor() {
    // Whoever does not wait for one of the two must not bring the process down.
    this.ready.promise.catch(() => {});
    this.reply.promise.catch(() => {});
  }

  addMessage(line: string): void {
    this.#messageCount += 1;
    if (this.#messages.length < MESSAGES_KEPT) this.#messages.push(line);
  }

  addFact(name: string, value: string): void {
    if (name === "ready") this.ready.resolve(true);
    else if (name !== "end") this.#facts.set(name, value);
    else this.#succeed(Number(value));
  }

  fail(error: DockformError): void {
    this.ready.reject(error);
    this.reply.reject(error);
  }

  #succeed(status: number): void {
    const reply = {
      status,
      facts: this.#facts,
      messages: this.#messages,
      messageCount: this.#messageCount,
    };
    this.ready.resolve(false);
    this.reply.resolve(reply);
  }
}
