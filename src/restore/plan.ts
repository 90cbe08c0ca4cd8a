import type { Room } from "../archive/survey.ts";
import type { EngineVolume } from "../engine/volumes.ts";
import type { DockformError } from "../errors.ts";
import { LockedVolume } from "../lock/lock.ts";
import type { VolumeShape } from "../snapshot/spec-hash.ts";
import { stopwatch } from "../stopwatch.ts";
import type { Tools } from "../tools.ts";
import { checkVolume, type CheckedReplacement, type Place } from "./check-volume.ts";
import { refuseInPlaceAmongOthers } from "./checks.ts";
import { volumeToRestore } from "./create.ts";
import { inspectVolumeFiles, type VolumeFiles } from "./files.ts";
import type { CheckedContents, NewContents, OpenContents } from "./new-contents.ts";
import { Refusals } from "./refusals.ts";
import type { VolumeReplacement, WorkloadOptions } from "./request.ts";

/** What is to be done to one volume, once everything was checked that could be. */
export interface PlannedReplacement extends CheckedReplacement {
  /** Where its new contents come from, for people. */
  readonly title: string;
  /** The volume; or how it is to be created, after which there are checks left to be made in it. */
  readonly into: Place | ToCreate;
  /** What would have to be allowed first; only in a dry run. */
  readonly refusal: DockformError | undefined;
  readonly checkMs: number;
}

/** A volume that does not exist. */
interface ToCreate {
  readonly shape: VolumeShape;
}

/** What is to be done to one volume. */
export interface WantedReplacement {
  readonly request: VolumeReplacement;
  readonly contents: NewContents;
}

/**
 * What is to be done to some volumes; with it every refusal is over, but for those that need a volume that does not
 * exist yet. It holds the volumes' locks, so that it stays true, and nothing was touched: who disposes of it has made a
 * dry run.
 */
export class ReplacementPlan implements AsyncDisposable {
  /** In the order of the volumes' names. */
  readonly replacements: readonly PlannedReplacement[];
  readonly workload: WorkloadOptions;
  readonly #held: AsyncDisposable;

  constructor(
    replacements: readonly PlannedReplacement[],
    workload: WorkloadOptions,
    held: AsyncDisposable,
  ) {
    this.replacements = replacements;
    this.workload = workload;
    this.#held = held;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held[Symbol.asyncDispose]();
  }
}

interface DryRun {
  /** What would have to be allowed is told by the plan, not thrown. */
  readonly dryRun?: boolean;
}

/**
 * Makes every check before the contents of one volume are replaced, or those of several of one engine together. Volumes
 * are locked in the order of their names: of two clients that want the same ones, one gets them all.
 *
 * @throws DockformError `refused`, `usage`, `integrity` or `failed`, in the order of the checks.
 */
export async function planReplacement(
  wanted: readonly WantedReplacement[],
  workload: WorkloadOptions & DryRun,
  tools: Tools,
): Promise<ReplacementPlan> {
  tools.emit({
    type: "phase",
    phase: "check",
    volumes: wanted.map(({ request }) => request.target.volume),
  });
  refuseInPlaceAmongOthers(wanted.map(({ request }) => request));
  await using held = new AsyncDisposableStack();
  const replacements: PlannedReplacement[] = [];
  for (const one of wanted.toSorted(byVolume)) {
    replacements.push(await planOne(one, workload, held, tools));
  }
  return new ReplacementPlan(replacements, workload, held.move());
}

function byVolume({ request: a }: WantedReplacement, { request: b }: WantedReplacement): number {
  return a.target.volume < b.target.volume ? -1 : 1;
}

async function planOne(
  wanted: WantedReplacement,
  workload: WorkloadOptions & DryRun,
  held: AsyncDisposableStack,
  tools: Tools,
): Promise<PlannedReplacement> {
  const clock = stopwatch();
  const { request, contents } = wanted;
  const refusals = new Refusals(request.target.volume);
  const planned = await refusals.during(() => checkOne(wanted, workload, refusals, held, tools));
  if (workload.dryRun !== true) refusals.throwIfAny();
  return {
    request,
    title: contents.title,
    ...planned,
    refusal: refusals.error,
    checkMs: clock.total(),
  };
}

async function checkOne(
  { request, contents }: WantedReplacement,
  workload: WorkloadOptions,
  refusals: Refusals,
  held: AsyncDisposableStack,
  tools: Tools,
): Promise<Planned> {
  const volume = await volumeToRestore(request, tools, { refusals });
  const opened = held.use(await contents.open(request.target, volume, refusals, tools));
  return volume === undefined
    ? await planCreation(request, opened)
    : await planExisting({ request, volume, workload, refusals }, opened, held, tools);
}

type Planned = Pick<PlannedReplacement, "checked" | "into">;

/** How much room there is shows only once there is a volume. */
const UNKNOWN_ROOM: Room = { bytes: Infinity, hint: "", advice: [] };

async function planCreation(
  { target }: VolumeReplacement,
  contents: OpenContents,
): Promise<Planned> {
  const shape = contents.shape(target);
  return { checked: await contents.check(async () => UNKNOWN_ROOM), into: { shape } };
}

interface IntoExisting {
  readonly request: VolumeReplacement;
  readonly volume: EngineVolume;
  readonly workload: WorkloadOptions;
  readonly refusals: Refusals;
}

async function planExisting(
  { request, volume, workload, refusals }: IntoExisting,
  contents: OpenContents,
  held: AsyncDisposableStack,
  tools: Tools,
): Promise<Planned> {
  // Starting the helper touches nothing, and takes about as long as reading a small archive.
  const locking = held.use(
    new Locking(LockedVolume.lock(request.target, volume, "restore", tools)),
  );
  let inspection: Promise<VolumeFiles> | undefined;
  // Only when it is asked for: a helper that is at work cannot be taken leave of.
  const inspect = (): Promise<VolumeFiles> =>
    (inspection ??= locking.lock.then(({ verbs }) => inspectVolumeFiles(verbs, tools.signal)));
  const checked: CheckedContents = await contents.check(async () =>
    roomFor(await inspect(), request),
  );
  const lock = await locking.lock;
  const replacement = { request, checked };
  const into = await checkVolume(replacement, lock, await inspect(), workload, refusals, tools);
  return { checked, into };
}

function roomFor(
  { freeBytes, totalBytes }: VolumeFiles,
  { inPlace }: Pick<VolumeReplacement, "inPlace">,
): Room {
  const hint = "Make room on it, or restore from another snapshot.";
  return inPlace
    ? { bytes: totalBytes, hint, advice: [] }
    : {
        bytes: freeBytes,
        hint,
        advice: [{ code: "restore-in-place", why: "no-room-after-all" }],
      };
}

/** A lock that is being taken while something else goes on; disposing waits for it. */
class Locking implements AsyncDisposable {
  readonly lock: Promise<LockedVolume>;

  constructor(lock: Promise<LockedVolume>) {
    this.lock = lock;
    // Whoever never comes to ask for it has another error to tell.
    lock.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lock.then(
      (lock) => lock[Symbol.asyncDispose](),
      () => {},
    );
  }
}
