import type { ByteSink } from "../engine/sink-buffers.ts";
import type { ByteText } from "../tar/header.ts";
import type { ByteSource } from "../byte-source.ts";
import type { HelperVerb, VolumeAgent } from "./agent.ts";
import { archivedOutcome, attributesIn, type ArchivedOutcome } from "./archived.ts";
import type { MessageGroup } from "./message-groups.ts";
import { endingOf, tarOutcome, tarRecordLimit, type TarOutcome } from "./messages.ts";
import {
  failureIn,
  filesIn,
  keptIn,
  leftoversIn,
  metUnfinished,
  obstacleIn,
  samplesIn,
  swapOutcome,
  tidyOutcome,
  type Failed,
  type InspectedFiles,
  type KeptFound,
  type Leftover,
  type Obstacle,
  type PathStanding,
  type Samples,
  type SwapOutcome,
  type TidyOutcome,
} from "./outcomes.ts";
import { causeIn, type HelperReply, type OnHelperProgress } from "./reply.ts";
import { pathWord, textWord } from "./words.ts";

/** What an image has, and what the helper sees of the folder that it shares with the client. */
export interface Hello {
  /** First line of `tar --version`; empty without a tar. */
  readonly tar: string;
  readonly zstd: string;
  /** What tar says against its options that keep metadata. */
  readonly lacks: string;
  /** A tool that is needed and not there. */
  readonly missingTool: string | undefined;
  /** What the client left in the folder; absent where no pipe could be made beside it. */
  readonly token: string | undefined;
  /** The boot id of the kernel. */
  readonly kernel: string | undefined;
}

/** A tar stream that was made of a folder. */
export interface ArchiveReply {
  /** An operation that was cut short is in the volume, and nothing was read. */
  readonly metUnfinished: boolean;
  readonly outcome: ArchivedOutcome;
}

export interface FingerprintReply {
  readonly metUnfinished: boolean;
  /** As stat(1) names it. */
  readonly fileSystem: string;
  /** Whether find could read everything. */
  readonly isRead: boolean;
  readonly lastMessage: string | undefined;
  /** The file system's clock before the reading began, since 1970. */
  readonly beganSeconds: number;
  /** The boot id of the kernel. */
  readonly boot: string;
}

/** How tar and zstd read an archive. */
export interface ScanReply {
  /** There is more than was to be read. */
  readonly isOverLimit: boolean;
  readonly outcome: TarOutcome;
}

export interface ExtractReply extends ScanReply {
  readonly said: readonly MessageGroup[];
  /** Whether tar left nothing out, so that what was extracted is ready; else `finishExtract` makes it so. */
  readonly isReady: boolean;
  /** A name that is ours, and was left out. */
  readonly reservedName: string | undefined;
  /** Whether the archive has the root folder's own metadata. */
  readonly tookRoot: boolean;
}

export interface ExtractRequest {
  readonly id: string;
  readonly compression: "none" | "zstd";
  /** Length of the tar stream; a longer one is not read to its end. */
  readonly tarBytes: number;
  /** The file system has no ACLs, and tar must not try to set any. */
  readonly noAcls: boolean;
  /** Owners get lost: a file must not run as another than its own. */
  readonly noSetId: boolean;
  /** What may be left out where the file system cannot hold it. */
  readonly mayLeaveOut: (group: MessageGroup) => boolean;
}

/** How a stream of data is accompanied. */
export interface Streaming {
  readonly signal: AbortSignal;
  readonly onProgress?: OnHelperProgress;
}

/**
 * The verbs of the script, each a method that returns what the reply means. `id` is that of a staging folder. What a verb
 * could not do is returned; a method rejects only where the agent does. verbs.sh has the same list.
 */
export class VolumeVerbs {
  readonly #agent: VolumeAgent;

  constructor(agent: VolumeAgent) {
    this.#agent = agent;
  }

  static async hello(agent: Pick<VolumeAgent, "call">, signal: AbortSignal): Promise<Hello> {
    const { facts } = await agent.call(["hello"], signal);
    return {
      tar: facts.get("tar") ?? "",
      zstd: facts.get("zstd") ?? "",
      lacks: facts.get("lacks") ?? "",
      missingTool: facts.get("missing_tool"),
      token: facts.get("token"),
      kernel: facts.get("kernel"),
    };
  }

  /** The whole volume as a tar stream, or what was extracted into a staging folder. */
  async archive(
    sink: ByteSink,
    { level, id }: { readonly level: number | "none"; readonly id?: string | undefined },
    { signal, onProgress }: Streaming,
  ): Promise<ArchiveReply> {
    const reply = await this.#agent.receive(
      (output) => ["archive", output, String(level), ...optional(id)],
      sink,
      signal,
      onProgress,
    );
    return { metUnfinished: metUnfinished(reply), outcome: archivedOutcome(reply) };
  }

  /** The attributes that not any helper can set: how many entries have which, or why that is not known. */
  async attributes(
    signal: AbortSignal,
  ): Promise<
    Failed | { readonly failure?: undefined; readonly counts: ReadonlyMap<string, number> }
  > {
    const reply = await this.#agent.call(["attributes"], signal);
    const failure = reply.status === 0 ? reply.facts.get("attributes_unknown") : endingOf(reply);
    return failure === undefined ? { counts: attributesIn(reply) } : { failure };
  }

  /** What tells whether anything in the volume changed: a record for each entry. */
  async fingerprint(sink: ByteSink, { signal, onProgress }: Streaming): Promise<FingerprintReply> {
    const reply = await this.#agent.receive(
      (output) => ["fingerprint", output],
      sink,
      signal,
      onProgress,
    );
    const { facts, messages } = reply;
    return {
      metUnfinished: metUnfinished(reply),
      fileSystem: facts.get("file_system") ?? "unknown",
      isRead: facts.get("find_status") === "0",
      lastMessage: messages.at(-1),
      beganSeconds: Number(facts.get("time")),
      boot: facts.get("boot") ?? "",
    };
  }

  /** Reads an archive to its end and writes nothing. */
  async scan(
    source: ByteSource,
    { compression, tarBytes }: Pick<ExtractRequest, "compression" | "tarBytes">,
    { signal, onProgress }: Streaming,
  ): Promise<ScanReply> {
    const reply = await this.#agent.send(
      (input) => ["scan", input, compression, String(tarRecordLimit(tarBytes))],
      source,
      signal,
      onProgress,
    );
    return { isOverLimit: reply.facts.has("over_limit"), outcome: tarOutcome(reply) };
  }

  async inspect(signal?: AbortSignal): Promise<InspectedFiles | Failed> {
    return filesIn(await this.#agent.call(["inspect"], signal));
  }

  /** The file system under the volume: its type as statfs(2) has it, in hexadecimal, and its device number. */
  async liesOn(
    signal?: AbortSignal,
  ): Promise<{ readonly type: string | undefined; readonly device: string | undefined }> {
    const { facts } = await this.#agent.call(["lies_on"], signal);
    return { type: facts.get("file_system_type"), device: facts.get("device") };
  }

  async lookAt(
    paths: readonly ByteText[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<ByteText, PathStanding>> {
    const { facts } = await this.#agent.call(["look_at", ...paths.map(pathWord)], signal);
    return new Map(
      paths.map((path) => {
        const standing = facts.get(`path_${pathWord(path)}`);
        return [path, standing === "there" || standing === "free" ? standing : "through"];
      }),
    );
  }

  /** Makes the staging folder. */
  async begin(id: string): Promise<string | undefined> {
    return this.#failure(["begin", id]);
  }

  /** Goes on with a staging folder that may be gone. */
  async resume(id: string): Promise<string | undefined> {
    return this.#failure(["resume", id]);
  }

  /**
   * What could not be renamed into a folder of ours.
   *
   * @param how `in_place` where what cannot be renamed is to be removed instead: what cannot be removed either comes first;
   * `beside_kept` where what is kept is to come in, which on a union of disks has to be on one disk with what goes out.
   * @param paths the only ones that are to change places; without any, everything does.
   */
  async probe(
    id: string,
    how: "beside" | "beside_kept" | "in_place",
    paths: readonly ByteText[],
  ): Promise<Failed | { readonly failure?: undefined; readonly obstacle: Obstacle | undefined }> {
    const reply = await this.#agent.call(["probe", id, how, ...paths.map(pathWord)]);
    return failedOr(reply, () => ({ obstacle: obstacleIn(reply) }));
  }

  /**
   * Tries with little files what the file system can hold.
   *
   * @param owners `UID:GID` of each.
   */
  async trySamples(
    id: string,
    owners: readonly string[],
    signal: AbortSignal,
  ): Promise<Samples | Failed> {
    const reply = await this.#agent.call(["try_samples", id, ...owners], signal);
    return failedOr(reply, () => ({ said: reply.groups, samples: samplesIn(reply) }));
  }

  /** Unpacks an archive beside the volume's present contents. */
  async extract(
    source: ByteSource,
    { id, compression, tarBytes, noAcls, noSetId, mayLeaveOut }: ExtractRequest,
    { signal, onProgress }: Streaming,
  ): Promise<ExtractReply> {
    const words = [...(noAcls ? ["no_acls"] : []), ...noSetIdWord(noSetId)];
    const records = String(tarRecordLimit(tarBytes));
    const reply = await this.#agent.send(
      (input) => ["extract", id, input, compression, records, ...words],
      source,
      signal,
      onProgress,
    );
    const { facts, groups } = reply;
    return {
      isOverLimit: facts.has("over_limit"),
      outcome: tarOutcome(reply, mayLeaveOut),
      said: groups,
      isReady: facts.get("tar_status") === "0",
      reservedName: facts.get("left_out"),
      tookRoot: facts.get("roots") !== "0",
    };
  }

  /** What tar extracted is all of what is wanted, though not all of what is in the archive. */
  async finishExtract(
    id: string,
    noSetId: boolean,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    return this.#failure(["finish_extract", id, ...noSetIdWord(noSetId)], signal);
  }

  /** What was extracted was found good: new contents (`after`), or the old ones again. */
  async accept(id: string, what: "after" | "returned"): Promise<string | undefined> {
    return this.#failure(["accept", id, ...(what === "returned" ? [what] : [])]);
  }

  /** Of what was extracted only these paths are to change places. */
  async limitTo(id: string, paths: readonly ByteText[]): Promise<string | undefined> {
    return this.#failure(["limit_to", id, ...paths.map(pathWord)]);
  }

  /** Makes ready what the volume keeps. */
  async takeKept(id: string): Promise<string | undefined> {
    return this.#failure(["take_kept", id]);
  }

  /**
   * Puts what is ready in place of the present contents.
   *
   * @param about what is said of those when they are to be kept.
   */
  async swap(id: string, about: string | undefined): Promise<SwapOutcome> {
    return this.#swap(["swap", id, ...optional(about && textWord(about))]);
  }

  /** After a swap, the way back. */
  async swapBack(id: string, about: string | undefined): Promise<SwapOutcome> {
    return this.#swap(["swap_back", id, ...optional(about && textWord(about))]);
  }

  /** Brings a swap that was cut short to its end. */
  async recover(id: string): Promise<SwapOutcome> {
    return this.#swap(["recover", id]);
  }

  /** After a swap, has what was replaced kept, too. */
  async keep(id: string, about: string): Promise<string | undefined> {
    return this.#failure(["keep", id, textWord(about)]);
  }

  /**
   * Removes the present contents.
   *
   * @param safety says where the only copy of them is.
   */
  async clear(id: string, safety: string): Promise<string | undefined> {
    const reply = await this.#agent.call(["clear", id, textWord(safety)]);
    return reply.facts.has("cleared") ? undefined : causeIn(reply);
  }

  /** Takes away what was made ready and not put in place. */
  async discard(id: string): Promise<TidyOutcome> {
    return tidyOutcome(await this.#agent.call(["discard", id]));
  }

  /** After a swap, keeps what was replaced or takes it away. */
  async conclude(id: string): Promise<TidyOutcome> {
    return tidyOutcome(await this.#agent.call(["conclude", id]));
  }

  /** Takes away what the volume keeps. */
  async forgetKept(id: string): Promise<TidyOutcome> {
    return tidyOutcome(await this.#agent.call(["forget_kept", id]));
  }

  async measureKept(): Promise<KeptFound | undefined> {
    return keptIn(await this.#agent.call(["measure_kept"]));
  }

  /** Removes what earlier operations could not remove, and returns what is left of it. */
  async emptyTrash(): Promise<readonly Leftover[]> {
    return leftoversIn(await this.#agent.call(["empty_trash"]));
  }

  /** Puts a folder aside that only has the name of a staging folder; returns why that failed. */
  async putAside(id: string): Promise<string | undefined> {
    return this.#failure(["put_aside", id]);
  }

  async #swap(verb: HelperVerb): Promise<SwapOutcome> {
    return swapOutcome(await this.#agent.call(verb));
  }

  /** For a verb that replies nothing: why it failed. */
  async #failure(verb: HelperVerb, signal?: AbortSignal): Promise<string | undefined> {
    return failureIn(await this.#agent.call(verb, signal));
  }
}

function failedOr<T>(reply: HelperReply, succeeded: () => T): T | Failed {
  const failure = failureIn(reply);
  return failure === undefined ? succeeded() : { failure };
}

function optional(word: string | undefined): readonly string[] {
  return word === undefined ? [] : [word];
}

function noSetIdWord(noSetId: boolean): readonly string[] {
  return noSetId ? ["no_set_id"] : [];
}
