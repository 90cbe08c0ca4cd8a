import type { EngineVolume } from "../engine/volumes.ts";
import { DockformError } from "../errors.ts";
import { aboutNow, forgetKept, type AboutKept } from "./kept.ts";
import { LockedVolume } from "../lock/lock.ts";
import { refuseInterrupted } from "../lock/refusals.ts";
import { findObstacle, refuseObstacle } from "./movable.ts";
import type { ContainerOutcome } from "../workload/stopped.ts";
import { ReplacementBeside } from "./beside.ts";
import { replaceTogether } from "./replace.ts";
import { refuseUsers } from "./check-volume.ts";
import { refuseMounts, refuseUnfinished } from "./checks.ts";
import { declaredVolume } from "./declared.ts";
import { inspectVolumeFiles } from "./files.ts";
import { Refusals } from "./refusals.ts";
import type { WorkloadOptions } from "./request.ts";
import { StagedContents } from "./staging.ts";
import { stopwatch } from "../stopwatch.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";

export interface UndoRequest extends WorkloadOptions {
  readonly target: VolumeTarget;
  /** Allow a volume that the manifest does not declare. */
  readonly undeclared: boolean;
}

export interface UndoReport {
  readonly context: string;
  readonly volume: string;
  /** What is in place again. */
  readonly returned: AboutKept;
  readonly containers: readonly ContainerOutcome[];
  readonly durations: { readonly swapMs: number; readonly totalMs: number };
}

/**
 * Puts back what `restore --keep-previous`, or an earlier undo, has kept; what is replaced is kept in
 * its turn, so that nothing is lost by either.
 *
 * @throws DockformError `refused` when nothing is kept, or something uses the volume; `failed` with the
 * present contents in place.
 */
export async function undoVolume(request: UndoRequest, tools: Tools): Promise<UndoReport> {
  const clock = stopwatch();
  const { target } = request;
  const refusals = new Refusals(target.volume);
  const volume = await declaredVolume(request, tools, { refusals });
  await using lock = await LockedVolume.lock(target, volume, "undo", tools);
  const kept = await refusals.during(async () => {
    const found = await whatIsKept(lock, tools);
    await refuseUsers(lock, request, refusals, tools);
    return found;
  });
  refusals.throwIfAny();
  refuseObstacle(await findObstacle(lock, undefined, "beside_kept", tools), volume.name);
  const staged = await StagedContents.takeKept(lock, tools);
  const keepReplaced = aboutNow("what was kept before", tools);
  const replacement = new ReplacementBeside(
    lock,
    staged,
    { keepReplaced, keepFailed: kept },
    tools,
  );
  const { containers } = await replaceTogether([replacement], request, tools);
  const { swapMs } = replacement.durations;
  const durations = { swapMs, totalMs: clock.total() };
  return { context: target.context, volume: volume.name, returned: kept, containers, durations };
}

/**
 * Removes what is kept.
 *
 * @throws DockformError `refused` when nothing is kept, or another client is at work on the volume.
 */
export async function discardKept(
  target: VolumeTarget,
  volume: EngineVolume,
  tools: Tools,
): Promise<AboutKept> {
  await using lock = await LockedVolume.lock(target, volume, "undo", tools);
  const kept = await whatIsKept(lock, tools);
  await StagedContents.discardKept(lock, tools);
  await forgetKept(lock);
  return kept;
}

async function whatIsKept(lock: LockedVolume, tools: Tools): Promise<AboutKept> {
  refuseInterrupted((await lock.survey(tools.signal)).journal);
  const files = await inspectVolumeFiles(lock.verbs, tools.signal);
  refuseUnfinished(lock.volume.name, files);
  refuseMounts(lock.volume.name, files);
  if (files.kept !== undefined) return files.kept;
  await forgetKept(lock);
  throw new DockformError(
    "volume.keeps-nothing",
    `volume "${lock.volume.name}" keeps nothing to go back to`,
    {
      advice: [{ code: "keep-previous" }],
    },
  );
}
