import type { DockformError } from "../errors.ts";
import type { Helper } from "../helper/helper.ts";
import { tarOutcome } from "../helper/messages.ts";
import type { HelperVerb } from "../helper/session.ts";
import { TarReader, type TarEntry } from "../tar/entries.ts";
import { Handover } from "./handover.ts";
import type { Tools } from "./tools.ts";

/** A verb of a helper whose output is a tar stream, and what is said of it. */
export interface HelperArchive {
  readonly title: string;
  readonly verb: (output: string) => HelperVerb;
  readonly cannotRead: (failure: string) => DockformError;
  readonly onRemark: (remark: string) => void;
}

/**
 * The entries of a tar stream that a helper makes; nothing is stored.
 *
 * @throws DockformError what `cannotRead` makes of a failure.
 */
export async function* entriesThrough(
  helper: Helper,
  { title, verb, cannotRead, onRemark }: HelperArchive,
  tools: Tools,
): AsyncGenerator<TarEntry> {
  const progress = tools.startProgress(title);
  const chunks = new Handover();
  const abandoned = new AbortController();
  const signal = AbortSignal.any([tools.signal, abandoned.signal]);
  const reading = {
    see: (bytes: Uint8Array) => progress.advance(bytes.length),
    take: (bytes: Uint8Array) => chunks.give(bytes),
  };
  const received = helper.dataPath.receive(verb, reading, signal).finally(() => chunks.end());
  received.catch(() => {});
  try {
    yield* new TarReader(chunks.taken(), title, signal).entries();
    const { failure, remarks } = tarOutcome(await received, "create");
    if (failure !== undefined) throw cannotRead(failure);
    for (const remark of remarks) onRemark(remark);
  } catch (error) {
    tools.signal.throwIfAborted();
    // Why the stream ended says more than that it did.
    const { failure } = tarOutcome(await received, "create");
    throw failure === undefined ? error : cannotRead(failure);
  } finally {
    abandoned.abort();
    chunks.end();
    progress.end();
  }
}
