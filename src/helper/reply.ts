import { StringDecoder } from "node:string_decoder";
import type { Readable } from "node:stream";
import { DockformError } from "../errors.ts";
import { TAR_RECORD_BYTES, type Facts } from "./protocol.ts";
import { MessageGroups, type MessageGroup } from "./message-groups.ts";

/** What a verb of the helper's script replied. */
export interface HelperReply {
  /** The exit status of the verb. */
  readonly status: number;
  readonly facts: Facts;
  /** What tar, zstd and mv said, the first {@link MESSAGES_KEPT} of a kind. */
  readonly messages: readonly string[];
  /** The same, all of them, by what they say. */
  readonly groups: readonly MessageGroup[];
}

/** How far a verb is; what is not known yet is absent. */
export interface HelperProgress {
  /** Of the tar stream. */
  readonly bytes?: number;
  readonly entries?: number;
  /** What the tar stream will have, as nearly as a look at sizes and names can tell. */
  readonly totalBytes?: number;
  readonly totalEntries?: number;
}

/** Why a verb failed, in the words of the tool that said it last. */
export function causeIn({ messages, status }: Pick<HelperReply, "messages" | "status">): string {
  return messages.at(-1) ?? `status ${status}`;
}

export type OnHelperProgress = (progress: HelperProgress) => void;

/** A verb that is under way. */
export interface HelperCall {
  /** Whether the helper opened its end of the data stream; false when the verb ended before that. */
  readonly ready: Promise<boolean>;
  readonly reply: Promise<HelperReply>;
}

/** A volume in full change can cause a message a file; the first ones say what there is to say. */
const MESSAGES_KEPT = 1000;
/** What the outcome is judged by: a file that tar could not deal with, and its sum at the end. */
const FAILURE = /: Cannot /;
const SUM = /^Total bytes/;
const CHECKPOINT = /^tar: Write checkpoint (\d+)$/;

/**
 * Reads the helper's stderr and sorts marked lines (facts) from the tools' messages.
 * Protocol: `<mark> <fact> <value>`, and `<mark> end <status>` after each verb. While a verb runs,
 * `<mark> passed <entries>` and `<mark> expected <bytes> <entries>` say how far it is, and tar does.
 */
export class ReplyReader {
  readonly #mark: string;
  #lastMessage: string | undefined;
  /** The beginning of a line that another process's fact has cut in two. */
  #cutLine = "";
  /** In the order in which they were begun; the helper answers them one after the other. */
  readonly #calls: PendingCall[] = [];
  #ended: DockformError | undefined;

  constructor(stderr: Readable, mark: string) {
    this.#mark = `${mark} `;
    this.#read(stderr);
    stderr.once("close", () => this.#end());
    stderr.once("error", (error) => this.#end(error));
  }

  /** Not by readline, which ends a line at characters of Unicode, too, and files may hold those in their names. */
  #read(stderr: Readable): void {
    const decoder = new StringDecoder("utf8");
    let rest = "";
    stderr.on("data", (bytes: Buffer) => {
      const lines = `${rest}${decoder.write(bytes)}`.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#accept(line);
    });
    stderr.once("end", () => {
      if (rest !== "") this.#accept(rest);
      this.#end();
    });
  }

  /** Expects the reply of one verb; calls follow one another. */
  expect(onProgress?: OnHelperProgress): HelperCall {
    const call = new PendingCall(onProgress);
    if (this.#ended === undefined) this.#calls.push(call);
    else call.fail(this.#ended);
    return { ready: call.ready.promise, reply: call.reply.promise };
  }

  /** Facts are written in one piece each; tar's messages are not, so a fact may stand within one. */
  #accept(line: string): void {
    const factAt = line.indexOf(this.#mark);
    this.#cutLine += factAt === -1 ? line : line.slice(0, factAt);
    if (factAt === -1) {
      const message = this.#cutLine;
      this.#cutLine = "";
      this.#calls[0]?.addMessage(message);
      // How much tar has done is no reason for anything.
      if (!SUM.test(message) && !CHECKPOINT.test(message)) this.#lastMessage = message;
      return;
    }
    const fact = line.slice(factAt + this.#mark.length);
    const [, name = "", value = ""] = /^(\S+) ?(.*)$/s.exec(fact) ?? [];
    if (name === "end") this.#calls.shift()?.succeed(Number(value));
    else this.#calls[0]?.addFact(name, value);
  }

  #end(cause?: Error): void {
    this.#ended ??= endOf(this.#lastMessage, cause);
    for (const call of this.#calls.splice(0)) call.fail(this.#ended);
  }
}

/** Where the way to the engine is cut, nothing is known of the helper. */
function endOf(last: string | undefined, cause: Error | undefined): DockformError {
  return cause instanceof DockformError && cause.kind === "unreachable"
    ? cause
    : new DockformError(
        "helper.ended",
        `the helper container ended unexpectedly${last === undefined ? "" : `: ${last}`}`,
        {
          hint: "Was it removed, was the engine stopped, or was memory short? Look at the engine's log, then run the command again.",
          cause,
        },
      );
}

class PendingCall {
  readonly ready = Promise.withResolvers<boolean>();
  readonly reply = Promise.withResolvers<HelperReply>();
  readonly #facts = new Map<string, string>();
  readonly #messages: string[] = [];
  readonly #groups = new MessageGroups();
  readonly #onProgress: OnHelperProgress | undefined;
  #messageCount = 0;
  #failureCount = 0;

  constructor(onProgress: OnHelperProgress | undefined) {
    this.#onProgress = onProgress;
    // Whoever does not wait for one of the two must not bring the process down.
    this.ready.promise.catch(() => {});
    this.reply.promise.catch(() => {});
  }

  addMessage(line: string): void {
    // tar counts its records.
    const checkpoint = CHECKPOINT.exec(line)?.[1];
    if (checkpoint !== undefined) {
      this.#onProgress?.({ bytes: Number(checkpoint) * TAR_RECORD_BYTES });
      return;
    }
    this.#messageCount += 1;
    this.#groups.add(line);
    if (this.#isKept(line)) this.#messages.push(line);
  }

  /** Failures are counted apart: none of the usual messages may push the first of them out. */
  #isKept(line: string): boolean {
    if (FAILURE.test(line)) return ++this.#failureCount <= MESSAGES_KEPT;
    return this.#messageCount - this.#failureCount <= MESSAGES_KEPT || SUM.test(line);
  }

  addFact(name: string, value: string): void {
    const numbers = value.split(" ").map(Number);
    if (name === "ready") this.ready.resolve(true);
    else if (name === "passed") this.#onProgress?.({ entries: numbers[0] ?? 0 });
    else if (name === "expected") {
      this.#onProgress?.({ totalBytes: numbers[0] ?? 0, totalEntries: numbers[1] ?? 0 });
    } else this.#facts.set(name, value);
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
      groups: this.#groups.list(),
    };
    this.ready.resolve(false);
    this.reply.resolve(reply);
  }
}
