import type { ArchiveSource } from "../archive/source.ts";
import type { Digest } from "../archive/digest.ts";
import type { ByteSource } from "../byte-source.ts";
import { Handover } from "../capture/handover.ts";
import { DockformError } from "../errors.ts";
import type { ArchivedOutcome } from "../helper/archived.ts";
import type { VolumeVerbs } from "../helper/verbs.ts";
import { interrupted } from "../lock/refusals.ts";
import type { VolumeTarget } from "../lock/target.ts";

/** zstd's quickest level that still makes a fifth of text: the link carries compressed bytes, and waits for none. */
const LINK_LEVEL = 1;

/** A volume, read through a helper, as the archive that it would make. Each pass reads it anew. */
export class VolumeStream implements ArchiveSource {
  readonly path: string;
  /** Nobody has counted them. */
  readonly storedBytes = 0;
  readonly compression: "none" | "zstd";
  readonly #verbs: VolumeVerbs;
  readonly #source: Pick<VolumeTarget, "context" | "volume">;
  readonly #signal: AbortSignal;
  #outcome: ArchivedOutcome | undefined;

  /** @param compression `none` where source and target are on one engine. */
  constructor(
    verbs: VolumeVerbs,
    source: Pick<VolumeTarget, "context" | "volume">,
    compression: "none" | "zstd",
    signal: AbortSignal,
  ) {
    this.path = `volume ${source.context}/${source.volume}`;
    this.compression = compression;
    this.#verbs = verbs;
    this.#source = source;
    this.#signal = signal;
  }

  /** What the last pass that came to its end has read. */
  get outcome(): ArchivedOutcome {
    if (this.#outcome === undefined) throw new Error(`${this.path} was not read to its end`);
    return this.#outcome;
  }

  chunks(digest: Digest): ByteSource {
    return this.#read(this.compression === "none" ? "none" : LINK_LEVEL, digest, this.#signal);
  }

  tar(digest: Digest, signal: AbortSignal): ByteSource {
    return this.#read("none", digest, signal);
  }

  damaged(failure: string): DockformError {
    return new DockformError(
      "copy.not-whole",
      `what arrived is not what was read from ${this.path}: ${failure}`,
      { hint: "Nothing was replaced. Run the command again." },
    );
  }

  async *#read(level: number | "none", digest: Digest, signal: AbortSignal): ByteSource {
    const chunks = new Handover();
    const abandoned = new AbortController();
    const sink = { see: () => {}, take: (bytes: Uint8Array) => chunks.give(bytes) };
    const received = this.#verbs
      .archive(sink, { level }, { signal: AbortSignal.any([signal, abandoned.signal]) })
      .finally(() => chunks.end());
    received.catch(() => {});
    try {
      for await (const chunk of chunks.taken()) {
        digest.update(chunk);
        // It is still being written when its memory is used again.
        yield Uint8Array.from(chunk);
      }
      this.#outcome = this.#judge(await received);
    } finally {
      abandoned.abort();
      chunks.end();
    }
  }

  #judge({ metUnfinished, outcome }: Awaited<ReturnType<VolumeVerbs["archive"]>>): ArchivedOutcome {
    if (metUnfinished) throw interrupted(undefined, this.#source.volume);
    if (outcome.failure === undefined) return outcome;
    throw new DockformError(
      "volume.unreadable",
      `cannot read volume "${this.#source.volume}": ${outcome.failure}`,
      { hint: "Nothing was replaced. Check the file system under the volume, then try again." },
    );
  }
}
