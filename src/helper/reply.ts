import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { DockformError } from "../errors.ts";

/** What a verb of helper.sh answered. */
export interface HelperReply {
  /** The exit status of the verb. */
  readonly status: number;
  readonly facts: ReadonlyMap<string, string>;
  /** What tar, zstd and mv said, of the usual ones at most {@link MESSAGES_KEPT}. */
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
/** What the outcome is judged by: tar's sum, and what it could not do. */
const ALWAYS_KEPT = /^Total bytes|: Cannot /;

/**
 * Reads the helper's stderr and sorts marked lines (facts) from the tools' messages.
 * Protocol: `<mark> <fact> <value>`, and `<mark> end <status>` after each verb.
 */
export class ReplyReader {
  readonly #mark: string;
  #lastMessage: string | undefined;
  /** In the order in which they were begun; the helper answers them one after the other. */
  readonly #calls: PendingCall[] = [];
  #ended: DockformError | undefined;

  constructor(stderr: Readable, mark: string) {
    this.#mark = `${mark} `;
    const lines = createInterface({ input: stderr, crlfDelay: Infinity });
    lines.on("line", (line) => this.#accept(line));
    // readline hands its input's error on; whoever waits hears of it below.
    lines.on("error", () => {});
    lines.once("close", () => this.#end());
    stderr.once("error", (error) => this.#end(error));
  }

  /** Expects the reply of one verb; calls follow one another. */
  expect(): HelperCall {
    const call = new PendingCall();
    if (this.#ended === undefined) this.#calls.push(call);
    else call.fail(this.#ended);
    return { ready: call.ready.promise, reply: call.reply.promise };
  }

  #accept(line: string): void {
    if (!line.startsWith(this.#mark)) {
      this.#calls[0]?.addMessage(line);
      this.#lastMessage = line;
      return;
    }
    const [, name = "", value = ""] = /^(\S+) ?(.*)$/.exec(line.slice(this.#mark.length)) ?? [];
    if (name === "end") this.#calls.shift()?.succeed(Number(value));
    else this.#calls[0]?.addFact(name, value);
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
    for (const call of this.#calls.splice(0)) call.fail(this.#ended);
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
    if (this.#messages.length < MESSAGES_KEPT || ALWAYS_KEPT.test(line)) this.#messages.push(line);
  }

  addFact(name: string, value: string): void {
    if (name === "ready") this.ready.resolve(true);
    else this.#facts.set(name, value);
  }

  fail(error: DockformError): void {
    this.ready.reject(error);
    this.reply.reject(error);
  }

  succeed(status: number): void {
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
