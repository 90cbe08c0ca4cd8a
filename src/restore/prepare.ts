import { LockedVolume } from "../lock/lock.ts";
import type { VolumeShape } from "../snapshot/spec-hash.ts";
import { stopwatch } from "../stopwatch.ts";
import type { Tools } from "../tools.ts";
import { ReplacementBeside, type KeepOptions } from "./beside.ts";
import { checkVolume, type CheckedReplacement, type Place } from "./check-volume.ts";
import { VolumeCreation } from "./create.ts";
import { inspectVolumeFiles } from "./files.ts";
import { ReplacementInPlace } from "./in-place.ts";
import { aboutNow } from "./kept.ts";
import type { PlannedReplacement, ReplacementPlan } from "./plan.ts";
import type { Replacement } from "./replacement.ts";
import { Refusals } from "./refusals.ts";
import type { VolumeReplacement, WorkloadOptions } from "./request.ts";

/** One volume's new contents, ready to take the place of the old ones. */
export interface PreparedReplacement {
  readonly planned: PlannedReplacement;
  readonly replacement: Replacement;
  /** Together with the checks that could be made only once the volume was created. */
  readonly checkMs: number;
}

/**
 * New contents of some volumes, made ready, with nothing replaced. What was extracted is for whoever replaces it to take
 * away; disposing lets go of the volumes that were created, and removes them again unless they are to be kept.
 */
export class PreparedReplacements implements AsyncDisposable {
  /** In the order of the plan. */
  readonly replacements: readonly PreparedReplacement[];
  readonly #creations: Creations;

  constructor(replacements: readonly PreparedReplacement[], creations: Creations) {
    this.replacements = replacements;
    this.#creations = creations;
  }

  /** The restore has succeeded: volumes that were created for it stay. */
  keepCreated(): void {
    this.#creations.keep();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#creations[Symbol.asyncDispose]();
  }
}

/**
 * Creates the volumes that do not exist, makes the checks that were left to be made in them, and extracts each archive
 * beside what its volume holds. The plan's locks have to be held until all is done.
 *
 * @throws DockformError with nothing left of what was made ready.
 */
export async function prepareReplacements(
  plan: ReplacementPlan,
  tools: Tools,
): Promise<PreparedReplacements> {
  await using creations = new Creations();
  const ready: PreparedReplacement[] = [];
  try {
    for (const planned of plan.replacements) {
      ready.push(await prepareOne(planned, plan.workload, creations, tools));
    }
  } catch (error) {
    for (const { replacement } of ready) await replacement.putAway();
    throw error;
  }
  return new PreparedReplacements(ready, creations.move());
}

async function prepareOne(
  planned: PlannedReplacement,
  workload: WorkloadOptions,
  creations: Creations,
  tools: Tools,
): Promise<PreparedReplacement> {
  const clock = stopwatch();
  const { into } = planned;
  const place =
    "shape" in into ? await creations.create(planned, into.shape, workload, tools) : into;
  const checkMs = planned.checkMs + clock.lap();
  return { planned, replacement: await makeReady(planned, place, tools), checkMs };
}

async function makeReady(
  { request, title, checked }: PlannedReplacement,
  { lock, way }: Place,
  tools: Tools,
): Promise<Replacement> {
  const { verify, without, strictAttributes } = request;
  const { source, contents, expected, paths } = checked;
  const extract = { verify, without, strictAttributes, paths };
  if (way === "in_place") {
    if (contents === undefined) throw new Error("what is not known cannot be put in place");
    return ReplacementInPlace.prepare(lock, source, contents, extract, tools);
  }
  const options = { ...extract, ...keepOptions(request, title, tools) };
  return ReplacementBeside.extract(lock, source, expected, options, tools);
}

function keepOptions(request: VolumeReplacement, title: string, tools: Tools): KeepOptions {
  const about = aboutNow(title, tools);
  return {
    keepReplaced: request.keepPrevious ? about : undefined,
    keepFailed: request.keepFailed ? about : undefined,
  };
}

/** Volumes that are created for a restore, and locked. */
class Creations implements AsyncDisposable {
  readonly #stack: AsyncDisposableStack;
  readonly #made: VolumeCreation[];

  constructor(stack = new AsyncDisposableStack(), made: VolumeCreation[] = []) {
    this.#stack = stack;
    this.#made = made;
  }

  /** Creates and locks one, and makes the checks that need it. */
  async create(
    restore: CheckedReplacement,
    shape: VolumeShape,
    workload: WorkloadOptions,
    tools: Tools,
  ): Promise<Place> {
    const { target } = restore.request;
    const creation = this.#stack.use(new VolumeCreation(target, shape, tools));
    this.#made.push(creation);
    const volume = await creation.create();
    const lock = this.#stack.use(await LockedVolume.lock(target, volume, "restore", tools));
    this.#stack.defer(() => creation.look(lock));
    const files = await inspectVolumeFiles(lock.verbs, tools.signal);
    const refusals = new Refusals(target.volume);
    const place = await refusals.during(() =>
      checkVolume(restore, lock, files, workload, refusals, tools, () => creation.willWrite()),
    );
    refusals.throwIfAny();
    return place;
  }

  keep(): void {
    for (const creation of this.#made) creation.keep();
  }

  move(): Creations {
    return new Creations(this.#stack.move(), this.#made);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}
