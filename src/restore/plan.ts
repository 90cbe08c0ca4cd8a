import { Archive } from "../archive/archive.ts";
import { recordingDamage } from "../archive/record-damage.ts";
import type { Room } from "../archive/survey.ts";
import type { EngineVolume } from "../engine/volumes.ts";
import type { DockformError } from "../errors.ts";
import { LockedVolume } from "../lock/lock.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import type { VolumeShape } from "../snapshot/spec-hash.ts";
import { stopwatch } from "../stopwatch.ts";
import type { Tools } from "../tools.ts";
import { checkArchive, type CheckedArchive } from "./check-archive.ts";
import { checkVolume, type CheckedRestore, type Place } from "./check-volume.ts";
import { refuseInPlaceAmongOthers } from "./checks.ts";
import { shapeToCreate, volumeToRestore } from "./create.ts";
import { inspectVolumeFiles, type VolumeFiles } from "./files.ts";
import { refuseStranger, warnAboutSidecar } from "./origin.ts";
import { Refusals } from "./refusals.ts";
import type { VolumeRestore, WorkloadOptions } from "./request.ts";

/** What is to be done to one volume, once everything was checked that could be. */
export interface PlannedRestore extends CheckedRestore {
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

/**
 * What is to be done to some volumes; with it every refusal is over, but for those that need a volume that does not
 * exist yet. It holds the volumes' locks, so that it stays true, and nothing was touched: who disposes of it has made a
 * dry run.
 */
export class RestorePlan implements AsyncDisposable {
  /** In the order of the volumes' names. */
  readonly restores: readonly PlannedRestore[];
  readonly workload: WorkloadOptions;
  readonly #held: AsyncDisposable;

  constructor(
    restores: readonly PlannedRestore[],
    workload: WorkloadOptions,
    held: AsyncDisposable,
  ) {
    this.restores = restores;
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
 * Makes every check of a restore of one volume, or of several of one engine that are to be replaced together. Volumes
 * are locked in the order of their names: of two clients that want the same ones, one gets them all.
 *
 * @throws DockformError `refused`, `usage`, `integrity` or `failed`, in the order of the checks.
 */
export async function planRestore(
  requests: readonly VolumeRestore[],
  workload: WorkloadOptions & DryRun,
  tools: Tools,
): Promise<RestorePlan> {
  tools.emit({
    type: "phase",
    phase: "check",
    volumes: requests.map(({ target }) => target.volume),
  });
  refuseInPlaceAmongOthers(requests);
  await using held = new AsyncDisposableStack();
  const restores: PlannedRestore[] = [];
  for (const request of requests.toSorted(byVolume)) {
    restores.push(await planOne(request, workload, held, tools));
  }
  return new RestorePlan(restores, workload, held.move());
}

function byVolume({ target: a }: VolumeRestore, { target: b }: VolumeRestore): number {
  return a.volume < b.volume ? -1 : 1;
}

async function planOne(
  request: VolumeRestore,
  workload: WorkloadOptions & DryRun,
  held: AsyncDisposableStack,
  tools: Tools,
): Promise<PlannedRestore> {
  const clock = stopwatch();
  const refusals = new Refusals(request.target.volume);
  const planned = await refusals.during(() => checkOne(request, workload, refusals, held, tools));
  if (workload.dryRun !== true) refusals.throwIfAny();
  return { request, ...planned, refusal: refusals.error, checkMs: clock.total() };
}

async function checkOne(
  request: VolumeRestore,
  workload: WorkloadOptions,
  refusals: Refusals,
  held: AsyncDisposableStack,
  tools: Tools,
): Promise<Planned> {
  const volume = await volumeToRestore(request, tools, refusals);
  const archive = held.use(await Archive.open(request));
  const sidecar = await archive.sidecar();
  refusals.collect(() => refuseStranger(request, sidecar));
  warnAboutSidecar(archive, sidecar, volume, request.target, tools);
  const check = (room: () => Promise<Room>): Promise<CheckedArchive> =>
    recordingDamage(request, tools, () => checkArchive(archive, sidecar, request, room, tools));
  return volume === undefined
    ? await planCreation(request, sidecar, check)
    : await planExisting({ request, volume, workload, refusals }, check, held, tools);
}

/** Checks an archive, and asks for the room that there is only where that matters. */
type CheckArchive = (room: () => Promise<Room>) => Promise<CheckedArchive>;
type Planned = Pick<PlannedRestore, "checked" | "into">;

/** How much room there is shows only once there is a volume. */
const UNKNOWN_ROOM: Room = { bytes: Infinity, hint: "", advice: [] };

async function planCreation(
  { target }: VolumeRestore,
  sidecar: Sidecar | undefined,
  check: CheckArchive,
): Promise<Planned> {
  const shape = shapeToCreate(target, sidecar);
  return { checked: await check(async () => UNKNOWN_ROOM), into: { shape } };
}

interface IntoExisting {
  readonly request: VolumeRestore;
  readonly volume: EngineVolume;
  readonly workload: WorkloadOptions;
  readonly refusals: Refusals;
}

async function planExisting(
  { request, volume, workload, refusals }: IntoExisting,
  check: CheckArchive,
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
  const checked = await check(async () => roomFor(await inspect(), request));
  const lock = await locking.lock;
  const restore = { request, checked };
  const into = await checkVolume(restore, lock, await inspect(), workload, refusals, tools);
  return { checked, into };
}

function roomFor(
  { freeBytes, totalBytes }: VolumeFiles,
  { inPlace }: Pick<VolumeRestore, "inPlace">,
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
