import type { DockformError } from "../errors.ts";
import type { Helper } from "../helper/helper.ts";
import type { StreamVerb } from "../helper/agent.ts";
import { archivedOutcome } from "../helper/archived.ts";
import { metUnfinished } from "../helper/messages.ts";
import type { HelperReply } from "../helper/reply.ts";
import { TarReader, type TarEntry } from "../tar/entries.ts";
import { Handover } from "./handover.ts";
import { interrupted } from "../lock/lock.ts";
import type { Tools } from "../tools.ts";

/** A verb of a helper whose output is a tar stream, and what is said of it. */
export interface HelperArchive {
  readonly volume: string;
  readonly title: string;
  readonly verb: StreamVerb;
  readonly cannotRead: (failure: string) => DockformError;
  readonly onRemark: (remark: string) => void;
}

/**
 * The entries of a tar stream that a helper makes; nothing is stored.
 *
 * @throws DockformError what `cannotRead` makes of a failure; `refused` where an operation was interrupted.
 */
export async function* entriesThrough(
  helper: Helper,
  archive: HelperArchive,
  tools: Tools,
): AsyncGenerator<TarEntry> {
  const { title, verb, onRemark } = archive;
  const progress = tools.startProgress(title);
  const chunks = new Handover();
  const abandoned = new AbortController();
  const signal = AbortSignal.any([tools.signal, abandoned.signal]);
  const reading = { see: () => {}, take: (bytes: Uint8Array) => chunks.give(bytes) };
  const received = helper
    .receive(verb, reading, signal, progress.report)
    .finally(() => chunks.end());
  received.catch(() => {});
  try {
    yield* new TarReader(chunks.taken(), title, signal).entries();
    const reply = await received;
    const failure = failureOf(reply, archive);
    if (failure !== undefined) throw failure;
    for (const { text } of archivedOutcome(reply).remarks) onRemark(text);
  } catch (error) {
    tools.signal.throwIfAborted();
    // Why the stream ended says more than that it did.
    throw failureOf(await received, archive) ?? error;
  } finally {
    abandoned.abort();
    chunks.end();
    progress.end();
  }
}

function failureOf(
  reply: HelperReply,
  { volume, cannotRead }: HelperArchive,
): DockformError | undefined {
  if (metUnfinished(reply)) return interrupted(undefined, volume);
  const { failure } = archivedOutcome(reply);
  return failure === undefined ? undefined : cannotRead(failure);
}
