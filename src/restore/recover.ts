import { listSurely } from "../workload/list-surely.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { isConflict, isNotFound, type EngineClient } from "../engine/client.ts";
import { removeStoppedContainer } from "../engine/containers.ts";
import type { EngineVolume } from "../engine/volumes.ts";
import { DockformError, type Advice } from "../errors.ts";
import {
  readJournal,
  type FoundOperation,
  type FoundRecord,
  type Journal,
} from "../journal/operation.ts";
import { asideAdvice, asideText, tellOfAside } from "../lock/aside.ts";
import { awaitWriter, settledContents, WRITER_WAIT_MS } from "./await-writer.ts";
import { forgetGone, inheritedRecords } from "./gone.ts";
import { putImpostorsAside } from "./impostor.ts";
import { aboutNow, forgetKept, measureKept, recordKept } from "./kept.ts";
import { lackingAfterRefill, refillFromSafety } from "./safety.ts";
import { forgetLeftovers, leftoverHint, recordLeftovers } from "../lock/leftover.ts";
import { asideFolder, stagingFolder } from "../snapshot/reserved.ts";
import { LockedVolume } from "../lock/lock.ts";
import { StoppedContainers, type ContainerOutcome } from "../workload/stopped.ts";
import { memoryStanding, takeOverHolders, waysToRestore, type MemoryStanding } from "./memory.ts";
import { ReplacementBeside } from "./beside.ts";
import { keepOld, letGo, startOrGoBack } from "./replace.ts";
import { UnhealthyError, whyUnhealthy } from "./watch.ts";
import { refuseMounts } from "./checks.ts";
import { inspectVolumeFiles, type VolumeFiles } from "./files.ts";
import { StagedContents } from "./staging.ts";
import type { Safety } from "./undecided.ts";
import { declaredOf, existingVolume, type VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";
import { containerTitle, isActive, type VolumeUser } from "../workload/users.ts";

/** For how long a helper may be about to be started by its client. */
const START_GRACE_MS = 3000;
const POLL_MS = 100;

export interface RecoverRequest {
  readonly target: VolumeTarget;
  /** For how long containers may take to be healthy after their start; 0 asks for nothing. */
  readonly healthTimeoutMs: number;
  /** For how long a helper that writes to the volume is waited for, whose client may be dead. */
  readonly waitMs?: number;
}

export interface RecoveryReport {
  readonly context: string;
  readonly volume: string;
  /**
   * What is in place: the contents from before the operation, or those that it brought. `whole` where only
   * containers were not as they had been, `nothing` where nothing was cut short, `gone` where there is no such volume any
   * more, and the engine still had records of it.
   */
  readonly contents: "before" | "after" | "whole" | "nothing" | "gone";
  readonly containers: readonly ContainerOutcome[];
}

/**
 * Brings what was cut short on a volume to its end: the old or the new contents in place, whole; what
 * was stopped runs again; nothing is left over. May be called at any time, by several at once.
 *
 * @throws DockformError `refused` when another client is at work on the volume.
 */
export async function recoverVolume(
  { target, healthTimeoutMs, waitMs = WRITER_WAIT_MS }: RecoverRequest,
  tools: Tools,
): Promise<RecoveryReport> {
  if (await forgetGone(target, tools.signal)) {
    return { context: target.context, volume: target.volume, contents: "gone", containers: [] };
  }
  const volume = await existingVolume(target, tools.signal);
  await takeAwayUnstarted(target.engine, volume, tools.signal);
  const settled = settledContents(await awaitWriter(target.engine, volume.name, waitMs, tools));
  await using lock = await LockedVolume.lock(target, volume, "recover", tools);
  const { users, journal } = await lock.survey(tools.signal);
  const found = await inspectVolumeFiles(lock.verbs, tools.signal);
  if (found.unfinished.length > 0) refuseMounts(volume.name, found);
  const inherited = await inheritedRecords(target, volume, tools.signal);
  const records = [...stoppedRecords(journal), ...inherited];
  const files = await putImpostorsAside(lock, found, { journal, stopped: records }, tools);
  refuseToMoveUnderUsers(lock, files, users);
  const usage = { files, isUsed: users.some(({ container }) => isActive(container)) };
  const hasFolder = missingFolder(journal, files) === undefined && files.unfinished.length > 0;
  const memory = await memoryStanding(lock, { journal, users, hasFolder }, tools);
  takeOverHolders(lock, journal, tools);
  const stopped = StoppedContainers.ofRecords(lock.target.engine, lock, records, tools.log);
  try {
    await refuseToVouch(lock, { journal, files, memory }, stopped);
    const { missing, ...ended } = await finish(lock, usage, stopped, healthTimeoutMs, tools);
    const finished = { ...ended, contents: orSettled(ended.contents, settled) };
    await emptyTrash(lock, journal, tools);
    await tellOfKept(lock, journal);
    const { setAside } = await inspectVolumeFiles(lock.verbs, tools.signal);
    await tellOfAside(lock, journal, setAside);
    refuseAside(volume, files, finished, setAside);
    if (missing !== undefined) throw missing;
    return { context: target.context, volume: volume.name, ...finished };
  } finally {
    if (!lock.isAbandoned) await removeDeadHelpers(lock, journal);
  }
}

/** A dead client's helper that has put away what it had made ready, or had concluded, leaves nothing to find. */
function orSettled(
  found: RecoveryReport["contents"],
  settled: "before" | "after" | undefined,
): RecoveryReport["contents"] {
  return found === "whole" || found === "nothing" ? (settled ?? found) : found;
}

/** With the volume in order, they have nothing to tell any more; one that only read it never had. */
async function removeDeadHelpers(lock: LockedVolume, { operations }: Journal): Promise<void> {
  for (const { standing, containerId } of operations) {
    const isDead = standing === "interrupted" || standing === "settled";
    if (isDead) await lock.removeContainer(containerId);
  }
}

/**
 * A helper that was never started is left alone for a moment, then taken away. That the engine does not
 * remove a container that runs is the proof that nobody is hit who has begun.
 */
async function takeAwayUnstarted(
  engine: EngineClient,
  { name }: EngineVolume,
  signal: AbortSignal,
): Promise<void> {
  const unstarted = async (): Promise<readonly FoundOperation[]> =>
    readJournal(await listSurely(engine, signal), name).operations.filter(
      ({ standing }) => standing === "unstarted",
    );
  let found = await unstarted();
  for (let waitedMs = 0; found.length > 0 && waitedMs < START_GRACE_MS; waitedMs += POLL_MS) {
    await sleep(POLL_MS, undefined, { signal });
    found = await unstarted();
  }
  for (const { containerId } of found) {
    await removeStoppedContainer(engine, containerId, signal).catch((error: unknown) => {
      if (!isConflict(error) && !isNotFound(error)) throw error;
    });
  }
}

/** The folder of an operation that was cut short, where it is not in the volume. */
function missingFolder({ operations }: Journal, { unfinished }: VolumeFiles): string | undefined {
  const folders = operations
    .filter(({ standing }) => standing === "interrupted")
    // Only these two make one.
    .filter(({ operation: { name } }) => name === "restore" || name === "undo")
    .flatMap(({ operation: { staging } }) => staging ?? []);
  return folders.find((folder) => !unfinished.some(({ id }) => folder === stagingFolder(id)));
}

interface Traces {
  readonly journal: Journal;
  readonly files: VolumeFiles;
  readonly memory: MemoryStanding;
}

/**
 * Before its first container was stopped the operation had a folder in the volume. Where that is gone, and no helper
 * says that it took it away, nobody knows what the volume holds. What was stopped runs again.
 *
 * @throws DockformError `failed`.
 */
async function refuseToVouch(
  lock: LockedVolume,
  { journal, files, memory }: Traces,
  stopped: StoppedContainers,
): Promise<void> {
  const { name } = lock.volume;
  const folder = missingFolder(journal, files);
  const isMissing = folder !== undefined && stopped.names().length > 0;
  if (memory === "there" && !isMissing) return;
  const containers = await startAgain(stopped);
  const data = { volume: name, containers: containers.map(containerToData) };
  const { hints, advice } = await waysToRestore(lock);
  throw memory === "lost"
    ? new DockformError(
        "volume.memory-lost",
        `volume "${name}" was in memory, and what it held is lost with the engine or the machine that held it`,
        { hint: hints.join(" "), advice, data },
      )
    : new DockformError(
        "volume.contents-unknown",
        `cannot tell whether the contents of volume "${name}" are complete: the folder ${folder} of an interrupted operation is missing`,
        { hint: ["Look at them.", ...hints].join(" "), advice, data },
      );
}

function containerToData({ name, outcome }: ContainerOutcome): Readonly<Record<string, string>> {
  return { name, outcome };
}

function stoppedRecords({ records }: Journal): readonly FoundRecord[] {
  return records.filter(({ name }) => name === "stopped-containers");
}

/** Somebody may have started a container by hand on a volume that stands between old and new. */
function refuseToMoveUnderUsers(
  { volume }: LockedVolume,
  { unfinished }: VolumeFiles,
  users: readonly VolumeUser[],
): void {
  const running = users.find(({ container }) => isActive(container));
  if (running === undefined || !unfinished.some(({ betweenOldAndNew }) => betweenOldAndNew)) return;
  const title = containerTitle(running.container);
  throw new DockformError(
    "recover.container-running",
    `${title} runs on volume "${volume.name}", which stands between old and new contents`,
    { hint: `Stop it (docker stop ${running.container.name}), then run this again.` },
  );
}

/**
 * What stood in the way of contents that were put in place, or beside them, is in neither now.
 *
 * @throws DockformError `failed`, with everything done.
 */
function refuseAside(
  { name }: EngineVolume,
  { unfinished }: VolumeFiles,
  { contents }: Pick<RecoveryReport, "contents">,
  setAside: readonly string[],
): void {
  const found = setAside.filter((path) =>
    unfinished.some(({ id }) => path.startsWith(`${asideFolder(id)}/`)),
  );
  const [first] = found;
  if (first === undefined) return;
  const inPlace = contents === "after" ? "new" : "old";
  throw new DockformError("recover.set-aside", asideText(name, first), {
    hint: `The ${inPlace} contents are in place, whole, and nothing was removed. Something of the same name may be among them. ${asideAdvice(name)}`,
    data: { volume: name, contents, set_aside: found },
  });
}

interface Finished extends Pick<RecoveryReport, "contents" | "containers"> {
  /** The old contents are back, but not with all they held. */
  readonly missing?: DockformError | undefined;
}

async function finish(
  lock: LockedVolume,
  { files, isUsed }: { readonly files: VolumeFiles; readonly isUsed: boolean },
  stopped: StoppedContainers,
  healthTimeoutMs: number,
  tools: Tools,
): Promise<Finished> {
  const [first, ...others] = files.unfinished.map(({ id }) => StagedContents.of(lock, id, tools));
  // One operation at a time has a staging folder; another one can only have been copied in.
  for (const staged of others) await bringToEnd(staged, tools);
  if (first === undefined) {
    const contents = stopped.names().length > 0 ? "whole" : "nothing";
    return { contents, containers: await startAgain(stopped) };
  }
  const inPlace = await recoverOrRefill(first, tools);
  if (inPlace === "after") {
    if (first.safety !== undefined) tellOfSafety(lock, first.safety, tools);
    // Containers that run may have written to the new contents for days: there is no way back from them.
    // Nor is there one in the volume where the old contents are in a snapshot.
    const wayBack = !isUsed && first.safety === undefined;
    if (first.staysForward) {
      const containers = await startAgain(stopped);
      await keepOld(lock, first, tools);
      return { contents: "after", containers };
    }
    const { containers } = wayBack
      ? await startOrGoBack(
          { members: [replacementBy(first, lock, files, tools)], stopped },
          { healthTimeoutMs },
          tools,
        )
      : await startAndStay(lock, first, stopped, healthTimeoutMs, tools);
    return { contents: "after", containers };
  }
  const containers = await startAgain(stopped);
  await putAway(first, inPlace);
  return { contents: "before", containers, missing: lackingAfterRefill(lock, first) };
}

function replacementBy(
  staged: StagedContents,
  lock: LockedVolume,
  { kept }: VolumeFiles,
  tools: Tools,
): ReplacementBeside {
  const about = aboutNow("what was there before an operation that was interrupted", tools);
  // One set of contents can be kept.
  const keepFailed = kept === undefined ? about : undefined;
  return new ReplacementBeside(lock, staged, { keepReplaced: undefined, keepFailed }, tools);
}

/**
 * Starts and watches the containers as a restore does, but stays with the new contents. Where they are not healthy, the
 * old ones do not go.
 */
async function startAndStay(
  lock: LockedVolume,
  staged: StagedContents,
  stopped: StoppedContainers,
  healthTimeoutMs: number,
  tools: Tools,
): Promise<{ readonly containers: readonly ContainerOutcome[] }> {
  const containers = await startAgain(stopped);
  const failure = await whyUnhealthy(lock.target.engine, containers, { healthTimeoutMs }, tools);
  if (failure === undefined) {
    await letGo(lock, staged, tools);
    return { containers };
  }
  if (failure.unhealthy === undefined) {
    lock.abandon();
    throw failure.cause;
  }
  const wayBack = await keepWayBack(lock, staged, tools);
  throw new UnhealthyError(failure.unhealthy, {
    hint: "The new contents stay, because they were in use.",
    advice: [wayBack],
  });
}

/** Returns what is to be done to go back. */
async function keepWayBack(
  lock: LockedVolume,
  staged: StagedContents,
  tools: Tools,
): Promise<Advice> {
  if (staged.safety !== undefined) {
    await letGo(lock, staged, tools);
    return { code: "go-back", ...declaredOf(lock.target), archivePath: staged.safety.archivePath };
  }
  if (await staged.keepReplaced(aboutNow("an operation that was interrupted", tools))) {
    await letGo(lock, staged, tools);
    return { code: "undo-to-old", ...declaredOf(lock.target) };
  }
  lock.abandon();
  return { code: "repeat-when-healthy" };
}

function tellOfSafety(
  { volume }: LockedVolume,
  { archivePath, client }: Safety,
  { log }: Tools,
): void {
  log.warn(
    `what volume "${volume.name}" held before is in ${archivePath} (written by ${client}), and nowhere else`,
  );
}

async function bringToEnd(staged: StagedContents, tools: Tools): Promise<void> {
  await putAway(staged, await recoverOrRefill(staged, tools));
}

/** Where there was no room for old and new at once, the old contents may have to come from their snapshot. */
async function recoverOrRefill(
  staged: StagedContents,
  tools: Tools,
): Promise<"before" | "returned" | "after"> {
  const inPlace = await staged.recover();
  if (typeof inPlace === "string") return inPlace;
  await refillFromSafety(staged, inPlace, tools);
  return "returned";
}

async function putAway(
  staged: StagedContents,
  inPlace: "before" | "returned" | "after",
): Promise<void> {
  await (inPlace === "before" ? staged.discard() : staged.conclude());
}

async function startAgain(stopped: StoppedContainers): Promise<readonly ContainerOutcome[]> {
  const outcomes = await stopped.startAll();
  await stopped.forget();
  return outcomes;
}

/** The engine is to know what the volume keeps, and nothing else. */
async function tellOfKept(lock: LockedVolume, journal: Journal): Promise<void> {
  const known = journal.records.some(({ name }) => name === "kept-contents");
  const kept = await measureKept(lock);
  if (kept === undefined) await forgetKept(lock);
  else if (!known) await recordKept(lock, kept);
}

async function emptyTrash(lock: LockedVolume, journal: Journal, { log }: Tools): Promise<void> {
  const found = await lock.verbs.emptyTrash();
  await forgetLeftovers(lock, journal);
  await recordLeftovers(lock, found);
  for (const leftover of found) {
    log.warn(
      `cannot remove the folder ${leftover.folder} of volume "${lock.volume.name}", which an earlier operation left: ${leftover.cause}. ${leftoverHint(lock.volume, leftover)}`,
      { code: "recover", volume: lock.volume.name, when: "after" },
    );
  }
}
