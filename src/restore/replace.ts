import { DockformError, messageOf, type Advice } from "../errors.ts";
import type { LockedVolume } from "../lock/lock.ts";
import { declaredOf } from "../lock/target.ts";
import { stopwatch } from "../stopwatch.ts";
import type { Tools } from "../tools.ts";
import { StoppedContainers, type ContainerOutcome } from "../workload/stopped.ts";
import { aboutNow, recordKept, type KeptContents } from "./kept.ts";
import { holdMemory } from "./memory.ts";
import type { Replacement } from "./replacement.ts";
import type { WorkloadOptions } from "./request.ts";
import { UndecidedSwapError } from "./undecided.ts";
import { presentUsers, refuseNewUsers, stopIntruders } from "./users.ts";
import { UnhealthyError, whyUnhealthy, type WhatNow } from "./watch.ts";

/** Replacements that are made together, and the containers that were stopped for them. */
export interface ReplacementSet {
  /** At least one; all on one engine, in the order of the volumes' names. */
  readonly members: readonly Replacement[];
  readonly stopped: StoppedContainers;
}

/** What a set of replacements did, and what its steps took. */
export interface Replaced {
  readonly containers: readonly ContainerOutcome[];
  /** Until the containers were known to be healthy. */
  readonly watchMs: number;
  readonly removeOldMs: number;
  /** What was replaced, where it is kept. */
  readonly kept: ReadonlyMap<Replacement, KeptContents>;
}

/**
 * The part of an operation with downtime: containers that use any of the volumes are stopped once, the contents of
 * each volume swapped, the containers started again once, on success and on failure alike; but not on volumes that
 * stand between old and new. When one swap fails, or the containers are not healthy, the old contents are put back in all.
 *
 * A client that dies on the way leaves each volume of a set to be recovered by itself, so that only a set of one is
 * sure to be old or new as a whole.
 *
 * @throws UnhealthyError, UndecidedSwapError, DockformError `failed` with the old contents in place.
 */
export async function replaceTogether(
  members: readonly Replacement[],
  workload: WorkloadOptions,
  tools: Tools,
): Promise<Replaced> {
  const set = { members, stopped: stoppedFor(members, tools) };
  await stopAndSwap(set, workload, tools);
  await stopIntruders(members, set.stopped, () => holdOn(set), tools);
  return await startOrGoBack(set, workload, tools);
}

/**
 * The record of what was stopped lies with the last volume: a recovery of all goes by their names, and starts nothing
 * before the others are whole.
 */
function stoppedFor(members: readonly Replacement[], { log }: Tools): StoppedContainers {
  const { lock } = lastOf(members);
  return new StoppedContainers(lock.target.engine, lock, log);
}

function namesOf(members: readonly Replacement[]): readonly string[] {
  return members.map(({ lock }) => lock.volume.name);
}

async function holdOn({ members }: Pick<ReplacementSet, "members">): Promise<void> {
  for (const member of members) await member.holdOn();
}

/** @throws UndecidedSwapError; any other error with the old contents in place and what was stopped running again. */
async function stopAndSwap(
  set: ReplacementSet,
  workload: WorkloadOptions,
  tools: Tools,
): Promise<void> {
  const { members, stopped } = set;
  const swapped: Replacement[] = [];
  try {
    await holdOn(set);
    for (const { lock } of members) await holdMemory(lock, tools);
    tools.emit({ type: "phase", phase: "stop", volumes: namesOf(members) });
    await stopped.stop(await presentUsers(members, workload, tools), () => holdOn(set));
    await refuseNewUsers(members, stopped, tools);
    for (const member of members) {
      await member.swap();
      swapped.push(member);
    }
  } catch (error) {
    if (error instanceof UndecidedSwapError) throw leftStopped(set, error, tools);
    if (swapped.length > 0) await swapBackSome(set, swapped, tools);
    await startAsBefore(set);
    for (const member of members) {
      await (swapped.includes(member) ? member.conclude() : member.putAway());
    }
    throw error;
  }
}

/**
 * Starts what was stopped, with the old contents in place. Where another client has ended the operation, those
 * containers are that one's: it may have the volume between old and new.
 *
 * @throws DockformError `failed` when another client has; UndecidedSwapError when nobody can tell.
 */
async function startAsBefore(set: ReplacementSet): Promise<void> {
  if (set.stopped.names().length === 0) return;
  await holdOn(set);
  await set.stopped.startAll();
  await set.stopped.forget();
}

/**
 * After a swap: starts the containers, sees whether they are healthy, and lets go of what was replaced;
 * or puts it back and starts them on that.
 *
 * @throws UnhealthyError, UndecidedSwapError.
 */
export async function startOrGoBack(
  set: ReplacementSet,
  workload: Pick<WorkloadOptions, "healthTimeoutMs">,
  tools: Tools,
): Promise<Replaced> {
  const { members, stopped } = set;
  tools.emit({ type: "phase", phase: "start", volumes: namesOf(members) });
  const containers = await stopped.startAll();
  tools.emit({ type: "phase", phase: "health", volumes: namesOf(members) });
  const clock = stopwatch();
  const { engine } = lastOf(members).lock.target;
  const failure = await whyUnhealthy(engine, containers, workload, tools);
  const watchMs = clock.lap();
  if (failure === undefined) {
    await stopped.forget();
    const kept = await letGoOfAll(members, tools);
    return { containers, watchMs, removeOldMs: clock.lap(), kept };
  }
  tools.log.warn(`${failure.text}: the old contents are put back`);
  const { stays, outcomes } = await goBack(set, tools);
  const whatNow =
    stays === undefined
      ? backInPlace(outcomes, await letGoOfAll(members, tools))
      : await keepOld(stays.lock, stays, tools);
  if (stays !== undefined && tools.signal.aborted) {
    throw interruptedTooLate(whatNow, failure.unhealthy === undefined ? failure.cause : undefined);
  }
  if (failure.unhealthy === undefined) throw failure.cause;
  throw new UnhealthyError(failure.unhealthy, whatNow);
}

interface GoneBack {
  /** The one replacement of a set of one, where the new contents cannot be renamed. */
  readonly stays: Replacement | undefined;
  readonly outcomes: readonly ContainerOutcome[];
}

async function goBack(set: ReplacementSet, tools: Tools): Promise<GoneBack> {
  const { members, stopped } = set;
  tools.emit({ type: "phase", phase: "go-back", volumes: namesOf(members) });
  await holdOn(set);
  let stays: Replacement | undefined;
  try {
    await stopped.stopAgain(() => holdOn(set));
    stays = await swapBack(members, { keepNew: true });
    if (stays !== undefined && members.length > 1) throw tornApart(stays);
  } catch (error) {
    throw leftStopped(set, asUndecided(error, members), tools);
  }
  const outcomes = await stopped.startAll();
  await stopped.forget();
  return { stays, outcomes };
}

/** After one swap of several has failed. What was stopped has not been started since. */
async function swapBackSome(
  set: ReplacementSet,
  swapped: readonly Replacement[],
  tools: Tools,
): Promise<void> {
  tools.log.warn("not all volumes could be given their new contents: the old ones are put back");
  tools.emit({ type: "phase", phase: "go-back", volumes: namesOf(set.members) });
  try {
    await holdOn({ members: swapped });
    const stays = await swapBack(swapped, { keepNew: false });
    if (stays !== undefined) throw tornApart(stays);
  } catch (error) {
    throw leftStopped(set, asUndecided(error, swapped), tools);
  }
}

/** @returns one whose new contents stay, because they cannot be renamed. */
async function swapBack(
  swapped: readonly Replacement[],
  options: { readonly keepNew: boolean },
): Promise<Replacement | undefined> {
  let stays: Replacement | undefined;
  for (const member of swapped.toReversed()) {
    if ((await member.swapBack(options)) === "after") stays = member;
  }
  return stays;
}

/** No container is to run on some volumes with new contents and others with old ones. */
function tornApart(stays: Replacement): UndecidedSwapError {
  return stays.undecided("the new contents stay in one volume, because they cannot be renamed");
}

function asUndecided(error: unknown, members: readonly Replacement[]): UndecidedSwapError {
  return error instanceof UndecidedSwapError ? error : lastOf(members).undecided(messageOf(error));
}

/** What one of a set has undecided is left to a recovery in all of them. */
function leftStopped(
  { members, stopped }: ReplacementSet,
  error: UndecidedSwapError,
  { log }: Tools,
): UndecidedSwapError {
  for (const { lock } of members) lock.abandon();
  log.warn(`left stopped: ${stopped.names().join(", ") || "no container"}`);
  return error;
}

/** Whoever interrupts expects the old contents. */
function interruptedTooLate({ hint, advice }: WhatNow, cause: unknown): DockformError {
  const text = "interrupted: the new contents stay";
  return new DockformError("command.interrupted", text, { hint, advice, cause });
}

/** What to say once the old contents are in place again. */
function backInPlace(
  backOn: readonly ContainerOutcome[],
  newOnes: ReadonlyMap<Replacement, KeptContents>,
): WhatNow {
  const running = backOn.every(({ outcome }) => outcome === "started");
  const volumes = [...newOnes.keys()].map(({ lock }) => declaredOf(lock.target));
  return {
    hint: `The old contents are in place again${running ? ", and the containers run on them" : ""}.`,
    advice: [
      { code: "more-health-time" },
      volumes.length === 0 ? { code: "keep-failed" } : { code: "undo-to-new", volumes },
    ],
  };
}

/** Where what is in place cannot be renamed. Returns what there is to do. */
export async function keepOld(
  lock: LockedVolume,
  replaced: Pick<Replacement, "keepReplaced" | "conclude">,
  tools: Tools,
): Promise<WhatNow> {
  const stay = `The new contents stay in volume "${lock.volume.name}", because its file system cannot rename all of them.`;
  let place: string;
  let advice: Advice;
  if (await replaced.keepReplaced(aboutNow("an operation with no way back", tools))) {
    await letGo(lock, replaced, tools);
    place = "The old ones are kept in its folder .dockform-kept/contents: copy them from there";
    advice = { code: "restore-in-place", why: "another-time" };
  } else {
    lock.abandon();
    place = "The old ones are still in it, in its folder .dockform-*/old/contents";
    advice = { code: "copy-before-recovery" };
  }
  tools.log.warn(`${stay} ${place}`, advice);
  return { hint: `${stay} ${place}.`, advice: [advice] };
}

/** What is not in place goes, or the engine gets to know that it is kept. */
export async function letGo(
  lock: LockedVolume,
  replaced: Pick<Replacement, "conclude">,
  { emit }: Tools,
): Promise<KeptContents | undefined> {
  emit({ type: "phase", phase: "clean-up", volumes: [lock.volume.name] });
  const kept = await replaced.conclude();
  if (kept !== undefined) await recordKept(lock, kept);
  return kept;
}

async function letGoOfAll(
  members: readonly Replacement[],
  { emit }: Tools,
): Promise<ReadonlyMap<Replacement, KeptContents>> {
  emit({ type: "phase", phase: "clean-up", volumes: namesOf(members) });
  const all = new Map<Replacement, KeptContents>();
  for (const member of members) {
    const kept = await member.conclude();
    if (kept !== undefined) all.set(member, kept);
  }
  // Should the engine fail at this, no other volume is left with something to conclude.
  for (const [{ lock }, kept] of all) await recordKept(lock, kept);
  return all;
}

function lastOf(members: readonly Replacement[]): Replacement {
  const last = members.at(-1);
  if (last === undefined) throw new Error("there is nothing to replace");
  return last;
}
