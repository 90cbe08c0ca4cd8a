import type { ByteSource } from "../../src/byte-source.ts";
import type { ByteSink } from "../../src/engine/sink-buffers.ts";
import type { HelperVerb, StreamVerb, VolumeAgent } from "../../src/helper/agent.ts";
import { MessageGroups } from "../../src/helper/message-groups.ts";
import type { HelperReply } from "../../src/helper/reply.ts";
import { inChunks } from "../fixtures/tar-streams.ts";
import type { FakeReply } from "./helper.ts";

/** What a verb returns, and what it sends first. */
export interface FakeAnswer extends FakeReply {
  readonly data?: Uint8Array;
  /** The last of that is sent again and again, until nobody wants any more. */
  readonly isEndless?: boolean;
}

export type Answer = (verb: readonly string[], input: Buffer) => FakeAnswer | Promise<FakeAnswer>;

/** Stands in for a helper: a function returns what its verbs would. */
export class FakeAgent implements VolumeAgent {
  readonly verbs: HelperVerb[] = [];
  readonly #answer: Answer;

  constructor(answer: Answer) {
    this.#answer = answer;
  }

  async call(verb: HelperVerb): Promise<HelperReply> {
    this.verbs.push(verb);
    return toReply(await this.#answer(verb, Buffer.alloc(0)));
  }

  async send(verb: StreamVerb, source: ByteSource): Promise<HelperReply> {
    const words = verb("-");
    this.verbs.push(words);
    const input = Buffer.concat(await Array.fromAsync(source, (chunk) => Buffer.from(chunk)));
    return toReply(await this.#answer(words, input));
  }

  /** The memory of a chunk is used again once the sink has taken it. */
  async receive(verb: StreamVerb, sink: ByteSink, signal: AbortSignal): Promise<HelperReply> {
    const words = verb("-");
    this.verbs.push(words);
    const answer = await this.#answer(words, Buffer.alloc(0));
    const give = async (chunk: Uint8Array): Promise<void> => {
      signal.throwIfAborted();
      sink.see(chunk);
      await sink.take(chunk);
    };
    const data = answer.data ?? Buffer.alloc(0);
    for await (const chunk of inChunks(data, [700])) await give(chunk);
    while (answer.isEndless === true) {
      await give(data.subarray(-512));
      await new Promise(setImmediate);
    }
    return toReply(answer);
  }
}

function toReply({ status = 0, facts = {}, messages = [] }: FakeReply): HelperReply {
  const groups = new MessageGroups();
  for (const message of messages) groups.add(message);
  return { status, facts: new Map(Object.entries(facts)), messages, groups: groups.list() };
}
