import type { ArchiveSource } from "../archive/source.ts";
import type { LostGroup } from "../helper/message-groups.ts";
import type { LockedVolume } from "../lock/lock.ts";
import { stopwatch } from "../stopwatch.ts";
import type { Tools } from "../tools.ts";
import type { ExpectedContents } from "./expected.ts";
import type { ExtractOptions } from "./extraction.ts";
import type { AboutKept, KeptContents } from "./kept.ts";
import type { Replacement } from "./replacement.ts";
import { StagedContents } from "./staging.ts";
import type { UndecidedSwapError } from "./undecided.ts";

/** What is to be kept in the volume of contents that are not in place in the end. */
export interface KeepOptions {
  /** Keep what was replaced. */
  readonly keepReplaced: AboutKept | undefined;
  /** Keep the new contents where containers are not healthy on them, and the old ones are put back. */
  readonly keepFailed: AboutKept | undefined;
}

/** A replacement by renames: the new contents lie beside the old ones, and the old ones stay until the end. */
export class ReplacementBeside implements Replacement {
  readonly lock: LockedVolume;
  readonly #staged: StagedContents;
  readonly #keep: KeepOptions;
  readonly #tools: Tools;
  readonly #extractMs: number;
  #swapMs = 0;

  constructor(
    lock: LockedVolume,
    staged: StagedContents,
    keep: KeepOptions,
    tools: Tools,
    extractMs = 0,
  ) {
    this.lock = lock;
    this.#staged = staged;
    this.#keep = keep;
    this.#tools = tools;
    this.#extractMs = extractMs;
  }

  /**
   * Extracts an archive beside what the volume holds, and checks it.
   *
   * @throws DockformError as {@link StagedContents.extract} does, with nothing left of what was extracted.
   */
  static async extract(
    lock: LockedVolume,
    archive: ArchiveSource,
    expected: ExpectedContents,
    options: KeepOptions & ExtractOptions,
    tools: Tools,
  ): Promise<ReplacementBeside> {
    tools.emit({ type: "phase", phase: "extract", volumes: [lock.volume.name] });
    const clock = stopwatch();
    const staged = await StagedContents.extract(lock, archive, expected, options, tools);
    return new ReplacementBeside(lock, staged, options, tools, clock.lap());
  }

  get leftOut(): readonly LostGroup[] {
    return this.#staged.leftOut;
  }

  get durations(): Replacement["durations"] {
    return { extractMs: this.#extractMs, swapMs: this.#swapMs };
  }

  holdOn(): Promise<void> {
    return this.#staged.holdOn();
  }

  async swap(): Promise<void> {
    this.#tools.emit({ type: "phase", phase: "swap", volumes: [this.lock.volume.name] });
    const clock = stopwatch();
    await this.#staged.swap(this.#keep.keepReplaced);
    this.#swapMs = clock.lap();
  }

  swapBack({ keepNew }: { readonly keepNew: boolean }): Promise<"returned" | "after"> {
    return this.#staged.swapBack(keepNew ? this.#keep.keepFailed : undefined);
  }

  keepReplaced(about: AboutKept): Promise<boolean> {
    return this.#staged.keepReplaced(about);
  }

  conclude(): Promise<KeptContents | undefined> {
    return this.#staged.conclude();
  }

  putAway(): Promise<void> {
    return this.#staged.discard();
  }

  undecided(cause: string): UndecidedSwapError {
    return this.#staged.undecided(cause);
  }
}
