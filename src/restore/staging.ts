import type { ArchiveContents } from "../archive/archive.ts";
import type { ArchiveSource } from "../archive/source.ts";
import { DockformError, messageOf } from "../errors.ts";
import type { LostGroup } from "../helper/message-groups.ts";
import { causeIn, type HelperReply } from "../helper/reply.ts";
import type { HelperVerb } from "../helper/agent.ts";
import type { LockedVolume } from "../lock/lock.ts";
import type { ByteText } from "../tar/header.ts";
import type { Tools } from "../tools.ts";
import { extractBeside, type ExtractOptions } from "./extraction.ts";
import { toWord } from "./files.ts";
import { aboutToWord, keptIn, type AboutKept, type KeptContents } from "./kept.ts";
import { tidy } from "./tidy.ts";
import { parseSafety, PartlyClearedError, UndecidedSwapError, type Safety } from "./undecided.ts";

/** Contents that lie ready beside the present ones, within the volume, and may take their place. */
export class StagedContents {
  readonly #lock: LockedVolume;
  readonly #id: string;
  readonly #tools: Tools;
  #paths: readonly ByteText[] | undefined;
  #safety: Safety | undefined;
  #leftOut: readonly LostGroup[] = [];
  #staysForward = false;

  private constructor(lock: LockedVolume, id: string, tools: Tools) {
    this.#lock = lock;
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
    lock: LockedVolume,
    archive: ArchiveSource,
    expected: ArchiveContents,
    options: ExtractOptions,
    tools: Tools,
  ): Promise<StagedContents> {
    const staged = new StagedContents(lock, lock.stagingId, tools);
    try {
      await staged.extract(archive, expected, options, tools.signal);
      return staged;
    } catch (error) {
      await staged.discard();
      throw error;
    }
  }

  /** What an earlier operation kept in the volume is made ready to take its place again. */
  static async takeKept(lock: LockedVolume, tools: Tools): Promise<StagedContents> {
    const staged = new StagedContents(lock, lock.stagingId, tools);
    const { status, messages } = await lock.callSurely(["take_kept", lock.stagingId]);
    if (status === 0) return staged;
    await staged.discard();
    throw new DockformError(
      "undo.failed",
      `cannot use what was kept: ${messages.at(-1) ?? status}`,
      {
        hint: "The present contents are in place.",
      },
    );
  }

  /** What is kept goes for good. A failure to remove it from the disk is a warning. */
  static async discardKept(lock: LockedVolume, tools: Tools): Promise<void> {
    const staged = new StagedContents(lock, lock.stagingId, tools);
    await staged.#tidy(["forget_kept", lock.stagingId], "what was kept");
  }

  /** The staging folder of an id, in whatever state it is. */
  static of(lock: LockedVolume, id: string, tools: Tools): StagedContents {
    return new StagedContents(lock, id, tools);
  }

  /** What was extracted lacks this, having been allowed to. */
  get leftOut(): readonly LostGroup[] {
    return this.#leftOut;
  }

  /** There was to be a way back, and what is in place cannot be renamed: it stays, and so do the old contents. */
  get staysForward(): boolean {
    return this.#staysForward;
  }

  /** Where the old contents are, once they are not in the volume any more for want of room. */
  get safety(): Safety | undefined {
    return this.#safety;
  }

  /**
   * Puts what is ready in the place of the present contents by renames alone. A helper that dies
   * meanwhile is followed by another, which brings the swap to its end.
   *
   * @param keep what is to be kept of the present contents; without, they go in the end.
   * @throws DockformError `failed` with the present contents in place.
   * @throws UndecidedSwapError when neither the one nor the other could be put in place.
   */
  async swap(keep?: AboutKept): Promise<void> {
    if (this.#paths !== undefined) await this.#limitTo(this.#paths);
    const reply = await this.#surely(["swap", this.#id, ...aboutWord(keep)], ["recover", this.#id]);
    if (reply.facts.has("swapped")) return;
    const cause = causeIn(reply);
    if (!reply.facts.has("swapped_back")) throw this.undecided(cause);
    throw new DockformError(
      "restore.swap-failed",
      `the new contents could not be put in place: ${cause}`,
      {
        hint: `The old contents are in place, complete.${reply.facts.get("unmovable")?.startsWith("18 ") === true ? " The file system does not move everything to another folder: run the restore with --in-place." : ""}`,
      },
    );
  }

  async #limitTo(paths: readonly ByteText[]): Promise<void> {
    const verb = ["limit_to", this.#id, ...paths.map(toWord)] as const;
    const { status } = await this.#surely(verb);
    if (status === 0) return;
    throw new DockformError(
      "restore.paths-changed",
      "the paths of the volume are not what they were a moment ago",
      {
        hint: "The old contents are in place. Run the command again.",
      },
    );
  }

  /**
   * After a swap: puts the old contents in place again.
   *
   * @param keep what is to be kept of the new contents; without, they go in the end.
   * @returns which contents are in place: the new ones stay where they cannot be renamed.
   * @throws UndecidedSwapError when that could not be finished.
   */
  async swapBack(keep?: AboutKept): Promise<"returned" | "after"> {
    const verb = ["swap_back", this.#id, ...aboutWord(keep)] as const;
    const reply = await this.#surely(verb);
    if (reply.facts.has("returned")) return "returned";
    if (!reply.facts.has("stays")) throw this.undecided(causeIn(reply));
    this.#staysForward = true;
    return "after";
  }

  /**
   * Puts what was extracted into a volume that was cleared: new contents, or the old ones again. From here on a
   * recovery does the same.
   *
   * @throws UndecidedSwapError.
   */
  async fillIn(what: "after" | "returned"): Promise<void> {
    const reply = await this.#surely(["accept", this.#id, ...(what === "returned" ? [what] : [])]);
    if (reply.status !== 0) throw this.undecided(causeIn(reply));
    const inPlace = await this.recover();
    if (inPlace !== what) throw this.undecided("what was extracted is not there any more");
  }

  /**
   * Makes sure that the operation is still this client's to end: its helper may have died, and another client
   * may have ended it.
   *
   * @throws DockformError `failed` when somebody has; UndecidedSwapError when nobody can tell.
   */
  async holdOn(): Promise<void> {
    if ((await this.#surely(["resume", this.#id])).status === 0) return;
    const { name } = this.#lock.volume;
    throw new DockformError(
      "restore.taken-over",
      `another client has ended the operation on volume "${name}" meanwhile`,
      { hint: "What is in place, and which containers run, is that one's doing: it has said so." },
    );
  }

  /**
   * Brings a swap that was cut short to its end.
   *
   * @returns which contents are in place: those from `before` the operation, never replaced or put back
   * (`returned`), or those that it brought (`after`); or where those are that have to be brought back.
   * @throws UndecidedSwapError when that could not be finished.
   */
  async recover(): Promise<"before" | "returned" | "after" | Safety> {
    const verb = ["recover", this.#id] as const;
    const reply = await this.#surely(verb);
    const needed = reply.facts.get("needs_safety");
    const safety = needed ?? reply.facts.get("safety");
    if (safety !== undefined) this.#safety = parseSafety(safety);
    if (reply.facts.has("stays")) this.#staysForward = true;
    if (reply.facts.has("swapped_back")) return "before";
    if (reply.facts.has("returned")) return "returned";
    if (reply.facts.has("swapped")) return "after";
    if (needed !== undefined) return parseSafety(needed);
    throw this.undecided(causeIn(reply));
  }

  /** Makes the staging folder before there is anything to put into it. */
  async begin(): Promise<void> {
    const reply = await this.#lock.callSurely(["begin", this.#id]);
    if (reply.status === 0) return;
    throw new DockformError("volume.unwritable", `cannot write to the volume: ${causeIn(reply)}`, {
      hint: "The contents are as they were. Check the file system under the volume.",
    });
  }

  /**
   * Removes the present contents before there is anything to take their place.
   *
   * @throws DockformError `failed` with the present contents in place, and the folder for the caller to discard.
   * @throws PartlyClearedError, UndecidedSwapError.
   */
  async clear({ archivePath, client }: Safety): Promise<void> {
    this.#safety = { archivePath, client };
    const verb = ["clear", this.#id, encodeURIComponent(JSON.stringify(this.#safety))] as const;
    const reply = await this.#surely(verb);
    if (reply.facts.has("cleared")) return;
    const cause = causeIn(reply);
    const inPlace = await this.recover();
    if (typeof inPlace !== "string") throw new PartlyClearedError(this.#lock, cause);
    if (inPlace !== "before") throw this.undecided(cause);
    throw new DockformError(
      "restore.clear-failed",
      `the old contents could not be moved: ${cause}`,
      {
        hint: "They are in place, complete.",
      },
    );
  }

  /** Takes away what was made ready and not put in place. A failure to do so is a warning. */
  async discard(): Promise<void> {
    await this.#tidy(["discard", this.#id], "what was made ready");
  }

  /** Takes away what is left of an operation that failed, whether it got to replace anything or not. */
  async putAway(): Promise<void> {
    await ((await this.recover()) === "before" ? this.discard() : this.conclude());
  }

  /**
   * After a swap: takes away what was replaced, or keeps it where that was asked for. A failure to do
   * so is a warning.
   *
   * @returns what is kept; `undefined` when nothing is.
   */
  async conclude(): Promise<KeptContents | undefined> {
    const reply = await this.#tidy(["conclude", this.#id], "the old contents");
    return reply === undefined ? undefined : keptIn(reply);
  }

  /** After a swap: what was replaced is to be kept, too; `false` where it cannot be. */
  async keepReplaced(about: AboutKept): Promise<boolean> {
    return (await this.#surely(["keep", this.#id, aboutToWord(about)])).status === 0;
  }

  /** What stands between old and new stays for a recovery to find. */
  undecided(cause: string): UndecidedSwapError {
    this.#lock.abandon();
    return new UndecidedSwapError(this.#lock, this.#id, cause, this.#safety);
  }

  /** Without the command's signal: what has begun is finished. */
  async #surely(verb: HelperVerb, instead = verb): Promise<HelperReply> {
    try {
      return await this.#lock.callSurely(verb, instead);
    } catch (error) {
      throw this.undecided(messageOf(error));
    }
  }

  async #tidy(verb: HelperVerb, what: string): Promise<HelperReply | undefined> {
    return tidy({ lock: this.#lock, id: this.#id, what }, verb, this.#tools);
  }

  /**
   * Extracts an archive, flushes it to the disk and checks it; with `verify` entry by entry. What a failure
   * leaves is the caller's.
   *
   * @throws DockformError `failed`, `integrity`, `refused`.
   */
  async extract(
    archive: ArchiveSource,
    expected: ArchiveContents,
    { paths, ...options }: ExtractOptions,
    signal: AbortSignal,
  ): Promise<void> {
    this.#paths = paths;
    const extraction = { lock: this.#lock, id: this.#id, archive, expected };
    this.#leftOut = await extractBeside(extraction, options, { ...this.#tools, signal });
  }
}

function aboutWord(about: AboutKept | undefined): readonly string[] {
  return about === undefined ? [] : [aboutToWord(about)];
}
