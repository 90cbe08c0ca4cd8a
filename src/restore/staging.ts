import type { ArchiveSource } from "../archive/source.ts";
import { DockformError, messageOf } from "../errors.ts";
import type { LostGroup } from "../helper/message-groups.ts";
import { EXDEV, type TidyOutcome } from "../helper/outcomes.ts";
import type { VolumeVerbs } from "../helper/verbs.ts";
import type { LockedVolume } from "../lock/lock.ts";
import type { Store } from "../store/store.ts";
import type { ByteText } from "../tar/header.ts";
import type { Tools } from "../tools.ts";
import type { ExpectedContents } from "./expected.ts";
import { extractBeside, type ExtractOptions } from "./extraction.ts";
import { aboutText, keptContents, type AboutKept, type KeptContents } from "./kept.ts";
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

  get volume(): string {
    return this.#lock.volume.name;
  }

  /** Where a snapshot of the old contents is. */
  get store(): Store {
    return this.#lock.target.store;
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
    expected: ExpectedContents,
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
    const failure = await lock.surely((verbs) => verbs.takeKept(lock.stagingId));
    if (failure === undefined) return staged;
    await staged.discard();
    throw new DockformError("undo.failed", `cannot use what was kept: ${failure}`, {
      hint: "The present contents are in place.",
    });
  }

  /** What is kept goes for good. A failure to remove it from the disk is a warning. */
  static async discardKept(lock: LockedVolume, tools: Tools): Promise<void> {
    const staged = new StagedContents(lock, lock.stagingId, tools);
    await staged.#tidy((verbs) => verbs.forgetKept(lock.stagingId), "what was kept");
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
    const { inPlace, cause, obstacle } = await this.#surely(
      (verbs) => verbs.swap(this.#id, keep && aboutText(keep)),
      (verbs) => verbs.recover(this.#id),
    );
    if (inPlace === undefined) throw this.undecided(cause);
    if (inPlace !== "before") return;
    throw new DockformError(
      "restore.swap-failed",
      `the new contents could not be put in place: ${cause}`,
      {
        hint: "The old contents are in place, complete.",
        advice:
          obstacle?.errno === EXDEV
            ? [{ code: "restore-in-place", why: "immovable-after-all" }]
            : [],
      },
    );
  }

  async #limitTo(paths: readonly ByteText[]): Promise<void> {
    const failure = await this.#surely((verbs) => verbs.limitTo(this.#id, paths));
    if (failure === undefined) return;
    throw new DockformError(
      "restore.paths-changed",
      "the paths of the volume have changed in the meantime",
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
    const { inPlace, stays, cause } = await this.#surely((verbs) =>
      verbs.swapBack(this.#id, keep && aboutText(keep)),
    );
    if (inPlace === "returned") return "returned";
    if (!stays) throw this.undecided(cause);
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
    const failure = await this.#surely((verbs) => verbs.accept(this.#id, what));
    if (failure !== undefined) throw this.undecided(failure);
    const inPlace = await this.recover();
    if (inPlace !== what) throw this.undecided("what was extracted is missing");
  }

  /**
   * Makes sure that the operation is still this client's to end: its helper may have died, and another client
   * may have ended it.
   *
   * @throws DockformError `failed` when somebody has; UndecidedSwapError when nobody can tell.
   */
  async holdOn(): Promise<void> {
    if ((await this.#surely((verbs) => verbs.resume(this.#id))) === undefined) return;
    const { name } = this.#lock.volume;
    throw new DockformError(
      "restore.taken-over",
      `another client has ended the operation on volume "${name}"`,
      {
        hint: "See what that client printed: it says which contents are in place and which containers run.",
      },
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
    const { inPlace, safety, needsSafety, stays, cause } = await this.#surely((verbs) =>
      verbs.recover(this.#id),
    );
    if (safety !== undefined) this.#safety = parseSafety(safety);
    if (stays) this.#staysForward = true;
    if (inPlace !== undefined) return inPlace;
    if (needsSafety && this.#safety !== undefined) return this.#safety;
    throw this.undecided(cause);
  }

  /** Makes the staging folder before there is anything to put into it. */
  async begin(): Promise<void> {
    const failure = await this.#lock.surely((verbs) => verbs.begin(this.#id));
    if (failure === undefined) return;
    throw new DockformError("volume.unwritable", `cannot write to the volume: ${failure}`, {
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
    const text = JSON.stringify(this.#safety);
    const cause = await this.#surely((verbs) => verbs.clear(this.#id, text));
    if (cause === undefined) return;
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
    await this.#tidy((verbs) => verbs.discard(this.#id), "what was made ready");
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
    const outcome = await this.#tidy((verbs) => verbs.conclude(this.#id), "the old contents");
    return keptContents(outcome?.kept);
  }

  /** After a swap: what was replaced is to be kept, too; `false` where it cannot be. */
  async keepReplaced(about: AboutKept): Promise<boolean> {
    const failure = await this.#surely((verbs) => verbs.keep(this.#id, aboutText(about)));
    return failure === undefined;
  }

  /** What stands between old and new stays for a recovery to find. */
  undecided(cause: string): UndecidedSwapError {
    this.#lock.abandon();
    return new UndecidedSwapError(this.#lock, this.#id, cause, this.#safety);
  }

  /** Without the command's signal: what has begun is finished. */
  async #surely<T>(ask: (verbs: VolumeVerbs) => Promise<T>, instead = ask): Promise<T> {
    try {
      return await this.#lock.surely(ask, instead);
    } catch (error) {
      throw this.undecided(messageOf(error));
    }
  }

  async #tidy(
    takeAway: (verbs: VolumeVerbs) => Promise<TidyOutcome>,
    what: string,
  ): Promise<TidyOutcome | undefined> {
    return tidy({ lock: this.#lock, id: this.#id, what }, takeAway, this.#tools);
  }

  /**
   * Extracts an archive, flushes it to the disk and checks it; with `verify` entry by entry. What a failure
   * leaves is the caller's.
   *
   * @throws DockformError `failed`, `integrity`, `refused`.
   */
  async extract(
    archive: ArchiveSource,
    expected: ExpectedContents,
    { paths, ...options }: ExtractOptions,
    signal: AbortSignal,
  ): Promise<void> {
    this.#paths = paths;
    const extraction = { lock: this.#lock, id: this.#id, archive, expected };
    this.#leftOut = await extractBeside(extraction, options, { ...this.#tools, signal });
  }
}
