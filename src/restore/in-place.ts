import { join } from "node:path";
import type { ArchiveContents } from "../archive/archive.ts";
import type { ArchiveSource } from "../archive/source.ts";
import { messageOf } from "../errors.ts";
import type { LostGroup } from "../helper/message-groups.ts";
import type { LockedVolume } from "../lock/lock.ts";
import { stopwatch } from "../stopwatch.ts";
import type { Tools } from "../tools.ts";
import { expectCounted } from "./expected.ts";
import type { ExtractOptions } from "./extraction.ts";
import { refuseInside } from "./inside.ts";
import type { AboutKept, KeptContents } from "./kept.ts";
import type { Replacement } from "./replacement.ts";
import {
  refillFromSafety,
  refuseUnrestorable,
  refuseWithoutRoom,
  takeSafetySnapshot,
} from "./safety.ts";
import { StagedContents } from "./staging.ts";
import { findLimits, refuseUnholdable } from "./target-limits.ts";
import { PartlyClearedError, UndecidedSwapError, type Safety } from "./undecided.ts";

/**
 * A replacement where there is no room for old and new contents at once: once nothing uses the volume, a snapshot of
 * the old contents is written and checked, they are removed, the new ones extracted. Whatever fails after that brings
 * the old ones back from the snapshot.
 */
export class ReplacementInPlace implements Replacement {
  readonly lock: LockedVolume;
  readonly #staged: StagedContents;
  readonly #archive: ArchiveSource;
  readonly #contents: ArchiveContents;
  readonly #options: ExtractOptions;
  readonly #tools: Tools;
  #durations = { extractMs: 0, swapMs: 0 };

  private constructor(
    lock: LockedVolume,
    archive: ArchiveSource,
    contents: ArchiveContents,
    options: ExtractOptions,
    tools: Tools,
  ) {
    this.lock = lock;
    this.#staged = StagedContents.of(lock, lock.stagingId, tools);
    this.#archive = archive;
    this.#contents = contents;
    this.#options = options;
    this.#tools = tools;
  }

  /**
   * Looks whether old and new contents can be put back into the volume, without touching the old ones.
   *
   * @throws DockformError `refused`, `failed`, with nothing left of what was made ready.
   */
  static async prepare(
    lock: LockedVolume,
    archive: ArchiveSource,
    contents: ArchiveContents,
    options: ExtractOptions,
    tools: Tools,
  ): Promise<ReplacementInPlace> {
    await refuseUnrestorable(lock, tools);
    const replacement = new ReplacementInPlace(lock, archive, contents, options, tools);
    await replacement.#begin();
    return replacement;
  }

  async #begin(): Promise<void> {
    try {
      await this.#staged.begin();
      await this.#refuseUnsuitable();
    } catch (error) {
      await this.putAway();
      throw error;
    }
  }

  /** @throws DockformError `refused` where the volume cannot take the archive, or the snapshot would go with the contents. */
  async #refuseUnsuitable(): Promise<void> {
    const { stagingId, target, volume } = this.lock;
    const what = [this.#archive, this.#contents, this.#options] as const;
    await findLimits(this.lock, stagingId, ...what, this.#tools);
    const place = target.store.placeOnThisMachine(target.storedAs);
    if (place === undefined) return;
    const consequence = "The snapshot of the old contents would be removed with them.";
    await refuseInside(volume.name, stagingId, join(place, "snapshot"), consequence);
  }

  get leftOut(): readonly LostGroup[] {
    return this.#staged.leftOut;
  }

  get durations(): Replacement["durations"] {
    return this.#durations;
  }

  holdOn(): Promise<void> {
    return this.#staged.holdOn();
  }

  async swap(): Promise<void> {
    const staged = this.#staged;
    const tools = this.#tools;
    const volumes = [this.lock.volume.name];
    const expected = expectCounted(this.#archive, this.#contents);
    const safety = await this.#saveOldContents();
    const clock = stopwatch();
    tools.emit({ type: "phase", phase: "clear", volumes: volumes });
    await clear(staged, safety, tools);
    this.#durations.swapMs = clock.lap();
    tools.emit({ type: "phase", phase: "extract", volumes: volumes });
    await fill(staged, safety, tools, (signal) =>
      staged.extract(this.#archive, expected, this.#options, signal),
    );
    this.#durations.extractMs = clock.lap();
  }

  /** Makes sure that everything that follows can be taken back. */
  async #saveOldContents(): Promise<Safety> {
    this.#tools.emit({ type: "phase", phase: "safety", volumes: [this.lock.volume.name] });
    const safety = await takeSafetySnapshot(this.lock, this.#tools);
    await refuseWithoutRoom(this.lock, this.#contents, safety, this.#tools);
    const { holds } = safety.sidecar;
    if (holds !== undefined) await refuseUnholdable(this.lock, holds, this.#tools);
    return safety;
  }

  /** Nothing of the new contents can be kept: there is no room for it. */
  async swapBack(): Promise<"returned"> {
    const { safety } = this.#staged;
    if (safety === undefined) throw new Error("nothing was replaced");
    await clearAgain(this.#staged, safety, this.#tools);
    await refillFromSafety(this.#staged, safety, this.#tools);
    return "returned";
  }

  keepReplaced(about: AboutKept): Promise<boolean> {
    return this.#staged.keepReplaced(about);
  }

  conclude(): Promise<KeptContents | undefined> {
    return this.#staged.conclude();
  }

  putAway(): Promise<void> {
    return this.#staged.putAway();
  }

  undecided(cause: string): UndecidedSwapError {
    return this.#staged.undecided(cause);
  }
}

/** Removes the old contents, or brings all of them back where that is not possible. */
async function clear(staged: StagedContents, safety: Safety, tools: Tools): Promise<void> {
  try {
    await staged.clear(safety);
  } catch (error) {
    if (error instanceof PartlyClearedError) await refillFromSafety(staged, safety, tools);
    throw error;
  }
}

/** Removes the new contents. The old ones come back all the same where something of them stays. */
async function clearAgain(staged: StagedContents, safety: Safety, tools: Tools): Promise<void> {
  try {
    await staged.clear(safety);
  } catch (error) {
    if (!(error instanceof PartlyClearedError)) throw error;
    tools.log.warn(messageOf(error));
  }
}

/** Puts new contents into a volume that was cleared, or the old ones again where that fails. */
async function fill(
  staged: StagedContents,
  safety: Safety,
  tools: Tools,
  extract: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  try {
    await extract(tools.signal);
    await staged.fillIn("after");
  } catch (error) {
    if (error instanceof UndecidedSwapError) throw error;
    tools.log.warn(`${messageOf(error)}: the old contents are brought back from their snapshot`);
    await refillFromSafety(staged, safety, tools);
    throw error;
  }
}
