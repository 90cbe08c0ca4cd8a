import type { DockformError } from "../errors.ts";
import type { ArchiveReply, VolumeVerbs } from "../helper/verbs.ts";
import { TarReader, type DataPiece, type TarEntry } from "../tar/entries.ts";
import { Handover } from "./handover.ts";
import { interrupted } from "../lock/refusals.ts";
import type { Tools } from "../tools.ts";

/** What a helper is to archive, and what is said of it. */
export interface HelperArchive {
  readonly volume: string;
  readonly title: string;
  /** Of the staging folder whose contents these are; the volume's own without. */
  readonly stagingId?: string;
  readonly cannotRead: (failure: string) => DockformError;
  readonly onRemark: (remark: string) => void;
}

/**
 * The entries of a tar stream that a helper makes; nothing is stored.
 *
 * @throws DockformError what `cannotRead` makes of a failure; `refused` where an operation was interrupted.
 */
export async function* entriesThrough(
  verbs: VolumeVerbs,
  archive: HelperArchive,
  tools: Tools,
): AsyncGenerator<TarEntry> {
  const { title, stagingId, onRemark } = archive;
  const progress = tools.startProgress(title);
  const chunks = new Handover();
  const abandoned = new AbortController();
  const signal = AbortSignal.any([tools.signal, abandoned.signal]);
  const reading = { see: () => {}, take: (bytes: Uint8Array) => chunks.give(bytes) };
  let isSending = true;
  const received = verbs
    .archive(reading, { level: "none", id: stagingId }, { signal, onProgress: progress.report })
    .finally(() => {
      isSending = false;
      chunks.end();
    });
  received.catch(() => {});
  /** Why the stream ended says more than that it did. One that goes on, and makes no sense, may do so for hours. */
  const reasonOf = async (error: unknown): Promise<unknown> => {
    tools.signal.throwIfAborted();
    return isSending ? error : (failureOf(await received, archive) ?? error);
  };
  try {
    for await (const entry of new TarReader(chunks.taken(), title, signal).entries()) {
      yield { ...entry, data: () => orReason(entry.data(), reasonOf) };
    }
    const reply = await received;
    const failure = failureOf(reply, archive);
    if (failure !== undefined) throw failure;
    for (const { text } of reply.outcome.remarks) onRemark(text);
  } catch (error) {
    throw await reasonOf(error);
  } finally {
    abandoned.abort();
    chunks.end();
    progress.end();
  }
}

/** The content of an entry, which fails for the reason why the whole stream did. */
async function* orReason(
  data: AsyncIterable<DataPiece>,
  reasonOf: (error: unknown) => Promise<unknown>,
): AsyncGenerator<DataPiece> {
  try {
    yield* data;
  } catch (error) {
    throw await reasonOf(error);
  }
}

function failureOf(
  { metUnfinished, outcome: { failure } }: ArchiveReply,
  { volume, cannotRead }: HelperArchive,
): DockformError | undefined {
  if (metUnfinished) return interrupted(undefined, volume);
  return failure === undefined ? undefined : cannotRead(failure);
}
