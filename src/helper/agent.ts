/** The port to whoever runs the helper's script beside a volume: a container of an engine's, or in tests a process here. */
import type { ByteSource } from "../byte-source.ts";
import type { ByteSink } from "../engine/sink-buffers.ts";
import type { VerbName } from "./protocol.ts";
import type { HelperReply, OnHelperProgress } from "./reply.ts";

/** A verb of the script with its arguments: single words without blanks. verbs.ts alone spells them. */
export type HelperVerb = readonly [verb: VerbName, ...args: string[]];

/**
 * A verb that reads or writes data.
 *
 * @param stream the name, on the script's side, of the file that the data comes from or goes to; `-` is the verb's own
 * standard input or output.
 */
export type StreamVerb = (stream: string) => HelperVerb;

/**
 * Runs verbs of the script, one after the other. A verb that fails resolves with a status; a promise rejects when the
 * script's process dies, or with the reason of a signal. A verb that has begun is finished, whatever becomes of the client,
 * but for one that reads what the client sends.
 */
export interface VolumeAgent {
  /** Runs a verb without data to its end. */
  call(verb: HelperVerb, signal?: AbortSignal): Promise<HelperReply>;
  /**
   * Runs a verb whose input is data. An error of the source is thrown once the verb has ended; a verb that does not read
   * all of it resolves all the same, and its reply says why.
   */
  send(
    verb: StreamVerb,
    source: ByteSource,
    signal: AbortSignal,
    onProgress?: OnHelperProgress,
  ): Promise<HelperReply>;
  /** Runs a verb whose output is data. Resolves once the sink has taken all of it. */
  receive(
    verb: StreamVerb,
    sink: ByteSink,
    signal: AbortSignal,
    onProgress?: OnHelperProgress,
  ): Promise<HelperReply>;
}
