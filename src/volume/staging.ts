import { randomBytes } from "node:crypto";
import { DockformError, messageOf } from "../errors.ts";
import type { Helper } from "../helper/helper.ts";
import { tarOutcome } from "../helper/messages.ts";
import type { HelperReply } from "../helper/reply.ts";
import type { HelperVerb } from "../helper/session.ts";
import type { Archive, ArchiveContents } from "./archive.ts";
import { Digest } from "./digest.ts";
import type { Tools } from "./tools.ts";

/** What a restore has to know of a volume's files before it touches them. */
export interface VolumeFiles {
  readonly empty: boolean;
  readonly freeBytes: number;
  /** Infinite on file systems that make inodes as they need them. */
  readonly freeInodes: number;
  /** What the helper would need to take the root folder's attributes off, and does not have. */
  readonly missingTool: string | undefined;
}

export async function inspectVolumeFiles(
  helper: Helper,
  signal: AbortSignal,
): Promise<VolumeFiles> {
  const { facts, messages, status } = await helper.call(["inspect"], signal);
  const firstEntry = facts.get("first_entry");
  if (status !== 0 || firstEntry === undefined || messages.length > 0) {
    throw new DockformError("failed", `cannot look into the volume: ${messages.at(-1) ?? status}`, {
      hint: "Nothing was touched. Check the file system under the volume.",
    });
  }
  const [freeBlocks = 0, blockBytes = 0, freeInodes = 0, inodes = 0] = (facts.get("space") ?? "")
    .split(" ")
    .map(Number);
  return {
    empty: firstEntry === "",
    freeBytes: freeBlocks * blockBytes,
    freeInodes: inodes === 0 ? Number.POSITIVE_INFINITY : freeInodes,
    missingTool: facts.get("missing_tool"),
  };
}

/** Starts a helper in place of one that is gone. */
export type OpenHelper = (signal: AbortSignal) => Promise<Helper>;

const CLEANUP_TIMEOUT_MS = 120_000;

/**
 * A swap that stands between old and new. Nothing is lost, but the volume must not be used before it
 * is put right, so containers stay stopped.
 */
export class UndecidedSwapError extends DockformError {
  constructor(folder: string, cause: string) {
    super("failed", `the swap was cut short and could not be finished: ${cause}`, {
      hint: `Do not start containers on this volume. All old and new files are in it; its folder ${folder} says what to do: docs/guide.md, "When a swap was cut short".`,
      data: { folder },
    });
  }
}

/** New contents that lie extracted and checked beside the old ones, within the volume. */
export class StagedRestore {
  readonly #helper: Helper;
  readonly #openAnother: OpenHelper;
  readonly #id: string;
  readonly #tools: Tools;

  private constructor(helper: Helper, openAnother: OpenHelper, id: string, tools: Tools) {
    this.#helper = helper;
    this.#openAnother = openAnother;
    this.#id = id;
    this.#tools = tools;
  }

  /**
   * Extracts an archive beside what the volume holds, flushes it to the disk and checks it. A failure
   * takes away what was extracted.
   *
   * @throws DockformError `failed` when extraction fails, `integrity` when the archive is not what
   * was checked before.
   */
  static async extract(
    helper: Helper,
    openAnother: OpenHelper,
    archive: Archive,
    expected: ArchiveContents,
    tools: Tools,
  ): Promise<StagedRestore> {
    const staged = new StagedRestore(helper, openAnother, randomBytes(6).toString("hex"), tools);
    try {
      await staged.#extract(archive, expected);
      return staged;
    } catch (error) {
      await staged.discard();
      throw error;
    }
  }

  /**
   * Puts the new contents in the place of the old by renames alone. A helper that dies meanwhile is
   * followed by another, which brings the swap to its end.
   *
   * @throws DockformError `failed` with the old contents in place.
   * @throws UndecidedSwapError when neither the old nor the new contents could be put in place.
   */
  async swap(): Promise<void> {
    const reply = await this.#swapOrRecover();
    if (reply?.facts.has("swapped")) return;
    const cause = reply?.messages.at(-1) ?? "the helper is gone";
    if (reply?.facts.has("swapped_back")) {
      throw new DockformError("failed", `the new contents could not be put in place: ${cause}`, {
        hint: "The old contents are in place, complete.",
      });
    }
    throw new UndecidedSwapError(`.dockform-${this.#id}`, cause);
  }

  /** Without the command's signal: a swap that has begun is finished. */
  async #swapOrRecover(): Promise<HelperReply | undefined> {
    try {
      return await this.#helper.call(["swap", this.#id]);
    } catch (error) {
      this.#tools.log.warn(
        `the swap was cut short, another helper takes over: ${messageOf(error)}`,
      );
    }
    try {
      return await this.#callAnotherHelper(["recover", this.#id]);
    } catch (error) {
      this.#tools.log.warn(`no other helper could be started: ${messageOf(error)}`);
      return undefined;
    }
  }

  /** Takes the new contents away again. A failure to do so is a warning. */
  async discard(): Promise<void> {
    await this.#remove("discard", "what was extracted");
  }

  /** Takes the old contents away after a swap. A failure to do so is a warning. */
  async dropOld(): Promise<void> {
    await this.#remove("drop", "the old contents");
  }

  async #remove(verb: string, what: string): Promise<void> {
    try {
      const reply = await this.#callAnyHelper([verb, this.#id]);
      if (reply.status === 0) return;
      throw new Error(reply.messages.at(-1) ?? `status ${reply.status}`);
    } catch (error) {
      this.#tools.log.warn(
        `cannot remove ${what} from the volume's folder .dockform-${this.#id}: ${messageOf(error)}`,
      );
    }
  }

  /** Where the helper is gone, another one tidies up after it, under a time limit of its own. */
  async #callAnyHelper(verb: HelperVerb): Promise<HelperReply> {
    try {
      return await this.#helper.call(verb);
    } catch {
      return this.#callAnotherHelper(verb);
    }
  }

  async #callAnotherHelper(verb: HelperVerb): Promise<HelperReply> {
    await using another = await this.#openAnother(AbortSignal.timeout(CLEANUP_TIMEOUT_MS));
    return await another.call(verb);
  }

  async #extract(archive: Archive, expected: ArchiveContents): Promise<void> {
    const { startProgress, signal, log } = this.#tools;
    const progress = startProgress("Extracting", archive.storedBytes);
    try {
      const digest = new Digest(progress);
      const reply = await this.#helper.dataPath.send(
        (input) => ["extract", this.#id, input, archive.compression],
        archive.chunks(digest),
        signal,
      );
      const { failure, remarks, tarBytes, entries } = tarOutcome(reply, "read");
      if (failure !== undefined) throw cannotExtract(archive, failure);
      for (const remark of remarks) log.warn(remark);
      const otherCounts = tarBytes !== expected.tarBytes || entries !== expected.entries;
      const changed = digest.sha256() !== expected.sha256 || (expected.counted && otherCounts);
      if (changed) throw archive.damaged("it is not what was checked a moment ago");
    } finally {
      progress.end();
    }
  }
}

function cannotExtract(archive: Archive, failure: string): DockformError {
  return new DockformError("failed", `cannot extract ${archive.path}: ${failure}`, {
    hint: "The old contents are in place.",
  });
}
