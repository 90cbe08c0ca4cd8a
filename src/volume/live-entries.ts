import { DockformError } from "../errors.ts";
import { tarOutcome } from "../helper/messages.ts";
import { TarReader, type TarEntry } from "../tar/entries.ts";
import { existingVolume, type VolumeTarget } from "./target.ts";
import type { Tools } from "./tools.ts";
import { openUndisturbedReader } from "./snapshot.ts";

/**
 * What a volume holds at this moment, as an archive of it would. Nothing is stored.
 *
 * @throws DockformError `failed` when the volume does not exist or cannot be read, `refused` while a restore
 * works on it.
 */
export async function* liveEntries(target: VolumeTarget, tools: Tools): AsyncGenerator<TarEntry> {
  const volume = await existingVolume(
    target,
    { kind: "failed", hint: "Run `dockform volume list` to see the volumes there are." },
    tools.signal,
  );
  await using helper = await openUndisturbedReader(target, volume, tools);
  const progress = tools.startProgress(`Reading ${target.volume}`);
  const chunks = new Handover();
  const abandoned = new AbortController();
  const signal = AbortSignal.any([tools.signal, abandoned.signal]);
  const received = helper.dataPath
    .receive(
      (output) => ["archive", output, "none"],
      async (chunk) => {
        progress.advance(chunk.length);
        await chunks.give(chunk);
      },
      signal,
    )
    .finally(() => chunks.end());
  received.catch(() => {});
  try {
    yield* new TarReader(chunks.taken(), `the stream of volume ${target.volume}`, signal).entries();
    const { failure, remarks } = tarOutcome(await received, "create");
    if (failure !== undefined) throw cannotRead(target, failure);
    for (const remark of remarks) tools.log.warn(`${target.volume}: ${remark}`);
  } catch (error) {
    tools.signal.throwIfAborted();
    // Why the stream ended says more than that it did.
    const { failure } = tarOutcome(await received, "create");
    throw failure === undefined ? error : cannotRead(target, failure);
  } finally {
    abandoned.abort();
    chunks.end();
    progress.end();
  }
}

function cannotRead(target: VolumeTarget, failure: string): DockformError {
  return new DockformError("failed", `cannot read volume "${target.volume}": ${failure}`, {
    hint: "Check the file system under the volume, then try again.",
  });
}

/**
 * Turns a giver of chunks into a source of them. A chunk has been given when the next one is asked for:
 * until then its memory stays as it is, and no second one is waiting.
 */
class Handover {
  #given = Promise.withResolvers<Uint8Array | undefined>();
  #wanted = Promise.withResolvers<void>();
  #ended = false;

  async give(chunk: Uint8Array): Promise<void> {
    if (this.#ended) return;
    this.#given.resolve(chunk);
    await this.#wanted.promise;
  }

  end(): void {
    this.#ended = true;
    this.#given.resolve(undefined);
    this.#wanted.resolve();
  }

  async *taken(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = await this.#given.promise;
      if (chunk === undefined) return;
      this.#given = Promise.withResolvers();
      if (this.#ended) this.#given.resolve(undefined);
      yield chunk;
      const { resolve } = this.#wanted;
      this.#wanted = Promise.withResolvers();
      if (this.#ended) this.#wanted.resolve();
      resolve();
    }
  }
}
