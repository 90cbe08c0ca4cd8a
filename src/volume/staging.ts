import { randomBytes } from "node:crypto";
import { DockformError, messageOf } from "../errors.ts";
import type { Helper } from "../helper/helper.ts";
import { tarOutcome } from "../helper/messages.ts";
import type { HelperReply } from "../helper/reply.ts";
import type { HelperVerb } from "../helper/session.ts";
import type { Archive } from "./archive.ts";
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
  const { facts } = await helper.call(["inspect"], signal);
  const [freeBlocks = 0, blockBytes = 0, freeInodes = 0, inodes = 0] = (facts.get("space") ?? "")
    .split(" ")
    .map(Number);
  return {
    empty: facts.get("first_entry") === "0",
    freeBytes: freeBlocks * blockBytes,
    freeInodes: inodes === 0 ? Number.POSITIVE_INFINITY : freeInodes,
    missingTool: facts.get("missing_tool"),
  };
}

/** What the extraction is checked against. */
export interface ExpectedContents {
  /** Of the stored bytes; `undefined` where no sidecar vouches for them. */
  readonly sha256: string | undefined;
  /** Length of the tar stream; `undefined` where it was not counted on this very stream. */
  readonly tarBytes: number | undefined;
}

/** Starts a helper in place of one that is gone. */
export type OpenHelper = (signal: AbortSignal) => Promise<Helper>;

const CLEANUP_TIMEOUT_MS = 120_000;

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
    expected: ExpectedContents,
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
   * Puts the new contents in the place of the old by renames alone.
   *
   * @throws DockformError `failed` with the old contents in place.
   */
  async swap(): Promise<void> {
    // Without the signal: a swap that has begun is finished.
    const reply = await this.#helper.call(["swap", this.#id]);
    if (reply.facts.has("swapped")) return;
    const cause = reply.messages.at(-1) ?? "no reason given";
    if (reply.facts.has("swapped_back")) {
      throw new DockformError("failed", `the new contents could not be put in place: ${cause}`, {
        hint: "The old contents are in place, complete.",
      });
    }
    throw new DockformError("failed", `the swap was cut short: ${cause}`, {
      hint: `Old and new contents are in the volume's folder .dockform-${this.#id}.`,
    });
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
      await using another = await this.#openAnother(AbortSignal.timeout(CLEANUP_TIMEOUT_MS));
      return await another.call(verb);
    }
  }

  async #extract(archive: Archive, expected: ExpectedContents): Promise<void> {
    const { startProgress, signal, log } = this.#tools;
    const progress = startProgress("Extracting", archive.storedBytes);
    try {
      const digest = new Digest(progress);
      const reply = await this.#helper.dataPath.send(
        (input) => ["extract", this.#id, input, archive.compression],
        archive.chunks(digest),
        signal,
      );
      const { failure, remarks, tarBytes } = tarOutcome(reply, "read");
      if (failure !== undefined) throw cannotExtract(archive, failure);
      for (const remark of remarks) log.warn(remark);
      const changed =
        (expected.sha256 !== undefined && digest.sha256() !== expected.sha256) ||
        (expected.tarBytes !== undefined && tarBytes !== expected.tarBytes);
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
