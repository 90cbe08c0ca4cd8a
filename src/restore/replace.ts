import { DockformError, messageOf } from "../errors.ts";
import { findIll, type Illness } from "../workload/health.ts";
import { aboutNow, recordKept, type AboutKept, type KeptContents } from "./kept.ts";
import type { LockedVolume } from "../lock/lock.ts";
import { holdMemory } from "./memory.ts";
import { StoppedContainers, type ContainerOutcome } from "../workload/stopped.ts";
import { refuseUnstoppable } from "../workload/unstoppable.ts";
import type { StagedContents } from "./staging.ts";
import { UndecidedSwapError } from "./undecided.ts";
import { stopwatch } from "../stopwatch.ts";
import type { Tools } from "../tools.ts";
import { containerTitle, isActive, type VolumeUser } from "../workload/users.ts";

/** How contents take the place of others. */
export interface ReplaceOptions {
  readonly stopContainers: boolean;
  /** For how long containers may take to be well after their start; 0 asks for nothing. */
  readonly healthTimeoutMs: number;
  /** Keep what was replaced. */
  readonly keepReplaced: AboutKept | undefined;
  /** Keep the new contents where containers are not well on them, and the old ones are put back. */
  readonly keepFailed: AboutKept | undefined;
}

const INTRUDERS_TIMEOUT_MS = 30_000;

/** What a replacement took, and did. */
export interface Replaced {
  readonly containers: readonly ContainerOutcome[];
  /** Renames, and their way to the disk, whatever the volume's size. */
  readonly swapMs: number;
  readonly watchMs: number;
  readonly removeOldMs: number;
  /** What was replaced, where it is kept. */
  readonly kept: KeptContents | undefined;
}

/** Contents that have been put in place of others, and the way back from them. */
export type ReplacedContents = Pick<
  StagedContents,
  "holdOn" | "swapBack" | "keepReplaced" | "conclude" | "undecided"
>;

/** Containers were not well on the new contents. */
export class UnhealthyError extends DockformError {
  constructor(ill: readonly Illness[], whatNow: string) {
    const symptoms = ill.map(({ name, symptom }) => `${name}: ${symptom}`);
    super("restore.unhealthy", `not well on the new contents: ${symptoms.join("; ")}`, {
      hint: whatNow,
      data: { unhealthy: ill },
    });
  }
}

/** What to say once the old contents are in place again. */
function backInPlace(
  backOn: readonly ContainerOutcome[],
  newOnes: KeptContents | undefined,
  volume: string,
): string {
  const running = backOn.every(({ outcome }) => outcome === "started");
  const place = `The old contents are in place again${running ? ", and the containers run on them" : ""}.`;
  const time = "With --health-timeout they get more time, or with 0 no check";
  return newOnes === undefined
    ? `${place} ${time}; \`restore --keep-failed\` keeps the new contents to look at.`
    : `${place} ${time}. The new contents are kept: \`dockform volume undo ${volume}\` puts them in place.`;
}

/**
 * The part of an operation with downtime: containers that use the volume are stopped, the contents
 * swapped, the containers started again on success and on failure alike; but not on a volume that
 * stands between old and new. When they are not well, the old contents are put back.
 *
 * @throws UnhealthyError, UndecidedSwapError, DockformError `failed` with the old contents in place.
 */
export async function replaceContents(
  lock: LockedVolume,
  staged: StagedContents,
  options: ReplaceOptions,
  tools: Tools,
): Promise<Replaced> {
  const stopped = new StoppedContainers(lock.target.engine, lock, tools.log);
  let swapMs: number;
  try {
    await staged.holdOn();
    await holdMemory(lock, tools);
    tools.log.debug("phase: stop");
    await stopped.stop(await presentUsers(lock, options, tools), () => staged.holdOn());
    await refuseNewUsers(lock, stopped, tools);
    tools.log.debug("phase: swap");
    const clock = stopwatch();
    await staged.swap(options.keepReplaced);
    swapMs = clock.lap();
  } catch (error) {
    if (error instanceof UndecidedSwapError) throw leftStopped(error, stopped, tools);
    await startAsBefore(staged, stopped);
    await staged.discard();
    throw error;
  }
  await stopIntruders(lock, staged, stopped, tools);
  return { ...(await startOrGoBack(lock, staged, stopped, options, tools)), swapMs };
}

/**
 * Starts what was stopped, with the old contents in place. Where another client has ended the operation, those
 * containers are that one's: it may have the volume between old and new.
 *
 * @throws DockformError `failed` when another client has; UndecidedSwapError when nobody can tell.
 */
export async function startAsBefore(
  staged: Pick<StagedContents, "holdOn">,
  stopped: StoppedContainers,
): Promise<void> {
  if (stopped.names().length === 0) return;
  await staged.holdOn();
  await stopped.startAll();
  await stopped.forget();
}

/** What was started by somebody while its volume was swapped has open files of the old contents. */
export async function stopIntruders(
  lock: LockedVolume,
  staged: Pick<StagedContents, "holdOn">,
  stopped: StoppedContainers,
  { log }: Tools,
): Promise<void> {
  try {
    const { users } = await lock.survey(AbortSignal.timeout(INTRUDERS_TIMEOUT_MS));
    const running = users.filter(({ container }) => isActive(container));
    for (const { container } of running) {
      const consequence = stopped.has(container)
        ? "it is stopped and started again"
        : "restart it, for it may use the old contents";
      log.warn(`${containerTitle(container)} was started during the swap: ${consequence}`);
    }
    if (running.some(({ container }) => stopped.has(container))) {
      await stopped.stopAgain(() => staged.holdOn());
    }
  } catch (error) {
    log.warn(`whether a container was started during the swap is not known: ${messageOf(error)}`);
  }
}

/**
 * After a swap: starts the containers, sees whether they are well, and lets go of what was replaced;
 * or puts it back and starts them on that.
 *
 * @throws UnhealthyError, UndecidedSwapError.
 */
export async function startOrGoBack(
  lock: LockedVolume,
  replaced: ReplacedContents,
  stopped: StoppedContainers,
  options: Pick<ReplaceOptions, "healthTimeoutMs" | "keepFailed">,
  tools: Tools,
): Promise<Omit<Replaced, "swapMs">> {
  tools.log.debug("phase: start");
  const containers = await stopped.startAll();
  tools.log.debug("phase: health");
  const clock = stopwatch();
  const failure = await whyNotWell(lock, containers, options, tools);
  const watchMs = clock.lap();
  if (failure === undefined) {
    await stopped.forget();
    const kept = await letGo(lock, replaced, tools);
    return { containers, watchMs, removeOldMs: clock.lap(), kept };
  }
  tools.log.warn(`${failure.text}: the old contents are put back`);
  const { inPlace, outcomes } = await goBack(replaced, stopped, options, tools);
  const whatNow =
    inPlace === "after"
      ? await keepOld(lock, replaced, tools)
      : backInPlace(outcomes, await letGo(lock, replaced, tools), lock.volume.name);
  if (failure.ill === undefined) throw failure.cause;
  throw new UnhealthyError(failure.ill, whatNow);
}

/** Where what is in place cannot be renamed. Answers what there is to do. */
export async function keepOld(
  lock: LockedVolume,
  replaced: Pick<ReplacedContents, "keepReplaced" | "conclude">,
  tools: Tools,
): Promise<string> {
  const stay = `The new contents stay in volume "${lock.volume.name}", because its file system cannot rename all of them.`;
  let place: string;
  if (await replaced.keepReplaced(aboutNow("an operation with no way back", tools))) {
    await letGo(lock, replaced, tools);
    place = `The old ones are kept in its folder .dockform-kept/contents: copy them from there, or restore a snapshot with --in-place`;
  } else {
    lock.abandon();
    place = `The old ones are still in it, in its folder .dockform-*/old/contents: copy them from there before you run \`dockform volume recover\`, which removes them once the containers are healthy`;
  }
  tools.log.warn(`${stay} ${place}`);
  return `${stay} ${place}.`;
}

type NotWell =
  | { readonly text: string; readonly ill: readonly Illness[] }
  | { readonly text: string; readonly ill: undefined; readonly cause: unknown };

/** An interruption says that the new contents were not wanted after all. */
export async function whyNotWell(
  { target }: LockedVolume,
  outcomes: readonly ContainerOutcome[],
  { healthTimeoutMs }: Pick<ReplaceOptions, "healthTimeoutMs">,
  { log, signal }: Tools,
): Promise<NotWell | undefined> {
  if (healthTimeoutMs > 0 && outcomes.length > 0) {
    log.info(`Watching ${outcomes.map(({ name }) => name).join(", ")}`);
  }
  try {
    const ill = await findIll(target.engine, outcomes, healthTimeoutMs, signal);
    for (const { name, symptom, lastLines } of ill) {
      log.warn([`${name}: ${symptom}`, ...lastLines.map((line) => `  | ${line}`)].join("\n"));
    }
    return ill.length === 0 ? undefined : { text: "not well on the new contents", ill };
  } catch (cause) {
    return { text: "the containers could not be watched to the end", ill: undefined, cause };
  }
}

async function goBack(
  replaced: ReplacedContents,
  stopped: StoppedContainers,
  { keepFailed }: Pick<ReplaceOptions, "keepFailed">,
  tools: Tools,
): Promise<{
  readonly inPlace: "returned" | "after";
  readonly outcomes: readonly ContainerOutcome[];
}> {
  await replaced.holdOn();
  let inPlace: "returned" | "after";
  try {
    await stopped.stopAgain(() => replaced.holdOn());
    inPlace = await replaced.swapBack(keepFailed);
  } catch (error) {
    const undecided =
      error instanceof UndecidedSwapError ? error : replaced.undecided(messageOf(error));
    throw leftStopped(undecided, stopped, tools);
  }
  const outcomes = await stopped.startAll();
  await stopped.forget();
  return { inPlace, outcomes };
}

/** What was replaced goes, or the engine gets to know that it is kept. */
export async function letGo(
  lock: LockedVolume,
  replaced: Pick<ReplacedContents, "conclude">,
  { log }: Tools,
): Promise<KeptContents | undefined> {
  log.debug("phase: clean-up");
  const kept = await replaced.conclude();
  if (kept !== undefined) await recordKept(lock, kept);
  return kept;
}

export function leftStopped(
  error: UndecidedSwapError,
  stopped: StoppedContainers,
  { log }: Tools,
): UndecidedSwapError {
  log.warn(`left stopped: ${stopped.names().join(", ") || "no container"}`);
  return error;
}

/** The users after what may have been a long extraction; new ones must be stoppable as well. */
export async function presentUsers(
  lock: LockedVolume,
  { stopContainers }: Pick<ReplaceOptions, "stopContainers">,
  { signal }: Tools,
): Promise<readonly VolumeUser[]> {
  if (!stopContainers) return [];
  const { users } = await lock.survey(signal);
  await refuseUnstoppable(lock.target.engine, users, signal);
  return users;
}

/** A container that was started after the check would be writing to files on their way out. */
export async function refuseNewUsers(
  lock: LockedVolume,
  stopped: StoppedContainers,
  { signal }: Tools,
): Promise<void> {
  const { users } = await lock.survey(signal);
  const running = users.find(({ container }) => isActive(container));
  if (running === undefined) return;
  const title = containerTitle(running.container);
  throw new DockformError(
    "restore.container-started",
    stopped.has(running.container)
      ? `${title} was started again while the restore had it stopped`
      : `${title} began to use volume "${lock.volume.name}" meanwhile`,
    { hint: "The old contents are in place. Run the restore again when nothing else starts it." },
  );
}
