import type { LostGroup } from "../helper/message-groups.ts";
import type { LockedVolume } from "../lock/lock.ts";
import type { AboutKept, KeptContents } from "./kept.ts";
import type { UndecidedSwapError } from "./undecided.ts";

/**
 * New contents for one volume, made ready, and the way back from them. Until `swap` the present contents are as they
 * were; then either `conclude` ends it, or `swapBack` followed by `conclude`.
 */
export interface Replacement {
  readonly lock: LockedVolume;
  /** What the new contents lack, having been allowed to. */
  readonly leftOut: readonly LostGroup[];
  /** What each step took, as far as it was made. */
  readonly durations: {
    readonly extractMs: number;
    /** The renames and their way to the disk, whatever the volume's size; in place, the removal of the old contents. */
    readonly swapMs: number;
  };

  /**
   * Makes sure that the operation is still this client's to end.
   *
   * @throws DockformError `failed` when another client has ended it; UndecidedSwapError when nobody can tell.
   */
  holdOn(): Promise<void>;

  /**
   * Puts the new contents in the place of the present ones. No container may be using them.
   *
   * @throws DockformError `failed` with the present contents in place.
   * @throws UndecidedSwapError when neither the one nor the other could be put in place.
   */
  swap(): Promise<void>;

  /**
   * After a swap: puts the old contents in place again.
   *
   * @param options.keepNew whether the new ones are to be kept, where that was asked for.
   * @returns which contents are in place: the new ones stay (`after`) where they cannot be renamed.
   * @throws UndecidedSwapError when that could not be finished.
   */
  swapBack(options: { readonly keepNew: boolean }): Promise<"returned" | "after">;

  /** After a swap: what was replaced is to be kept, although nobody asked for it; `false` where it cannot be. */
  keepReplaced(about: AboutKept): Promise<boolean>;

  /** After a swap: takes away what is not in place, or keeps it where that was asked for, and returns what is kept. */
  conclude(): Promise<KeptContents | undefined>;

  /** After a swap that failed, or that never was: takes away what was made ready. */
  putAway(): Promise<void>;

  /** Leaves what stands between old and new for a recovery to find. */
  undecided(cause: string): UndecidedSwapError;
}
