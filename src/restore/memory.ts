/**
 * Volumes whose file system is in memory. It lasts as long as something has it mounted, so that while containers are
 * stopped a container that only sleeps holds it, whatever becomes of client and helper.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isNotFound } from "../engine/client.ts";
import { inspectContainer, startContainer } from "../engine/containers.ts";
import type { EngineVolume } from "../engine/volumes.ts";
import { DockformError, type Advice } from "../errors.ts";
import type { FoundRecord, Journal } from "../journal/operation.ts";
import { newestSnapshot } from "../store/newest.ts";
import { lookAround, type LockedVolume } from "../lock/lock.ts";
import { declaredOf } from "../lock/target.ts";
import type { Tools } from "../tools.ts";
import { STEADY_MS } from "../workload/health.ts";
import { isActive, type VolumeUser } from "../workload/users.ts";

/** File system types as statfs(2) has them, in hexadecimal. */
const IN_MEMORY: readonly string[] = ["1021994", "858458f6"];
const LOOK_TIMEOUT_MS = 30_000;
/** One that starts again and again never does. */
const STEADY_LIMIT_MS = 15_000;
const STEADY_POLL_MS = 500;

/** The device number of a volume's file system; `undefined` where that is not in memory. */
async function memoryOf(
  { verbs }: LockedVolume,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const { type = "", device } = await verbs.liesOn(signal);
  return IN_MEMORY.includes(type) ? device : undefined;
}

/**
 * Whether a file system in memory is there for this volume alone, mounted by the engine for as long as a container that
 * runs uses it. A folder that was bound, or is the engine's own, is held by the machine.
 */
function isMountedByEngine({ driver, driverOpts }: EngineVolume): boolean {
  const binds = /(^|,)r?bind(,|$)/.test(driverOpts["o"] ?? "");
  return !(driver === "local" && (binds || driverOpts["type"] === undefined));
}

/**
 * The helper does not outlive the operation.
 *
 * @throws DockformError `refused` for a volume in memory that nothing holds.
 */
export async function refuseForgetful(
  lock: LockedVolume,
  users: readonly VolumeUser[],
  signal: AbortSignal,
): Promise<void> {
  const { volume } = lock;
  if (!isMountedByEngine(volume) || users.some(({ container }) => isActive(container))) return;
  if ((await memoryOf(lock, signal)) === undefined) return;
  throw new DockformError(
    "volume.in-memory-unused",
    `volume "${volume.name}" is in memory and no running container uses it: what is restored would be lost at once`,
    { advice: [{ code: "start-then-restore" }] },
  );
}

/**
 * Before the first container is stopped: has the contents of a volume in memory held until the operation ends. Does
 * nothing for other volumes.
 */
export async function holdMemory(lock: LockedVolume, tools: Tools): Promise<void> {
  const device = await memoryOf(lock, tools.signal);
  if (device === undefined) return;
  const id = await lock.addHolder(device);
  lock.beforeRelease(() => letGoOfMemory(lock, [id], tools));
  await startContainer(lock.target.engine, id, tools.signal);
}

/** For a recovery: what an interrupted operation had left to hold the contents goes in the end. */
export function takeOverHolders(lock: LockedVolume, journal: Journal, tools: Tools): void {
  const ids = holders(journal).map(({ containerId }) => containerId);
  if (ids.length > 0) lock.beforeRelease(() => letGoOfMemory(lock, ids, tools));
}

function holders({ records }: Journal): readonly FoundRecord[] {
  return records.filter(({ name }) => name === "volume-in-memory");
}

/** Not while nothing else holds the contents. */
async function letGoOfMemory(
  lock: LockedVolume,
  ids: readonly string[],
  { log }: Tools,
): Promise<void> {
  const { name } = lock.volume;
  if (isMountedByEngine(lock.volume)) {
    const signal = AbortSignal.timeout(LOOK_TIMEOUT_MS);
    const running = await holderThatRuns(lock, signal);
    if (running !== undefined && !(await isHeldByUsers(lock, signal))) {
      log.warn(
        `volume "${name}" is in memory and no container that uses it runs: ${running.containerName} holds its contents. (\`docker rm --force ${running.containerName}\` discards them.) Start a container that uses it`,
        { code: "recover", volume: name, when: "after" },
      );
      return;
    }
  }
  for (const id of ids) await lock.removeContainer(id);
}

async function holderThatRuns(
  lock: LockedVolume,
  signal: AbortSignal,
): Promise<FoundRecord | undefined> {
  const { journal } = await lookAround(lock.target, lock.volume, [lock.helper.containerId], signal);
  return holders(journal).find(({ state }) => state === "running");
}

/**
 * Whether a container of the volume's users has run for some seconds: one that has only just started may be about to end,
 * and the contents with it.
 */
async function isHeldByUsers(lock: LockedVolume, signal: AbortSignal): Promise<boolean> {
  const own = [lock.helper.containerId];
  const beganMs = performance.now();
  const seenSinceMs = new Map<string, number>();
  for (;;) {
    const { users } = await lookAround(lock.target, lock.volume, own, signal);
    const active = users.filter(({ container }) => isActive(container));
    if (active.length === 0) return false;
    const nowMs = performance.now();
    for (const { container } of active) {
      const startedAt = await startOf(lock, container.id, signal);
      const run = `${container.id} ${startedAt}`;
      const sinceMs = seenSinceMs.get(run) ?? nowMs;
      seenSinceMs.set(run, sinceMs);
      if (startedAt !== undefined && nowMs - sinceMs >= STEADY_MS) return true;
    }
    if (nowMs - beganMs > STEADY_LIMIT_MS) return false;
    await sleep(STEADY_POLL_MS, undefined, { signal });
  }
}

/** When a container was started last; `undefined` for one that is gone. */
async function startOf(
  { target: { engine } }: LockedVolume,
  id: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  return inspectContainer(engine, id, signal).then(
    ({ State }) => State.StartedAt,
    (error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    },
  );
}

/** Whether what a volume held in memory is what the recovery sees. */
export type MemoryStanding =
  /** It is, or the volume is not in memory. */
  | "there"
  /** A new file system is in its place. */
  | "lost";

/** What a recovery has found. */
interface Found {
  readonly journal: Journal;
  readonly users: readonly VolumeUser[];
  /** Whether the interrupted operation's folder is in the volume. */
  readonly hasFolder: boolean;
}

/**
 * @throws DockformError `failed` when a container still holds other contents than the engine mounts now: an engine that
 * is restarted under running containers forgets what they have mounted.
 */
export async function memoryStanding(
  lock: LockedVolume,
  { journal, users, hasFolder }: Found,
  { signal }: Tools,
): Promise<MemoryStanding> {
  const begun = holders(journal).filter(({ state }) => state !== "created");
  if (hasFolder) return "there";
  if (begun.length === 0) return await standingWithoutHolder(lock, { journal, users }, signal);
  const running = begun.find(({ state }) => state === "running");
  const keeper = running?.containerName ?? (await ranThrough(lock, begun, users, signal));
  // A holder that is not needed any more may end as it likes.
  if (keeper === undefined) return wasCutShort(journal) ? "lost" : "there";
  const device = await memoryOf(lock, signal);
  if ((running === undefined ? begun : [running]).some(({ text }) => text === device))
    return "there";
  throw heldElsewhere(lock, keeper, running !== undefined);
}

/** Whoever stopped containers had the contents held before. Without that, and with nobody running, they are not there. */
async function standingWithoutHolder(
  lock: LockedVolume,
  { journal, users }: Pick<Found, "journal" | "users">,
  signal: AbortSignal,
): Promise<MemoryStanding> {
  const wereStopped = journal.records.some(({ name }) => name === "stopped-containers");
  const isUsed = users.some(({ container }) => isActive(container));
  if (!wereStopped || isUsed || !isMountedByEngine(lock.volume)) return "there";
  return (await memoryOf(lock, signal)) === undefined ? "there" : "lost";
}

/**
 * The name of a container that runs, and has since before the last holder ended: what that held, it holds. Device
 * numbers do not tell, for the next file system in memory may get the same.
 */
async function ranThrough(
  { target: { engine } }: LockedVolume,
  begun: readonly FoundRecord[],
  users: readonly VolumeUser[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const ended = await Promise.all(
    begun.map(({ containerId }) => inspectContainer(engine, containerId, signal)),
  );
  const endedMs = Math.max(...ended.map(({ State }) => Date.parse(State.FinishedAt)));
  for (const { container } of users.filter((user) => isActive(user.container))) {
    const { State } = await inspectContainer(engine, container.id, signal);
    if (Date.parse(State.StartedAt) <= endedMs) return container.name;
  }
  return undefined;
}

function wasCutShort({ operations, records }: Journal): boolean {
  return (
    operations.some(({ standing }) => standing === "interrupted") ||
    records.some(({ name }) => name === "stopped-containers")
  );
}

function heldElsewhere(lock: LockedVolume, keeper: string, isHolder: boolean): DockformError {
  const { name } = lock.volume;
  lock.abandon();
  const [folder, remove] = isHolder ? ["/volume", "docker rm --force"] : ["FOLDER", "docker stop"];
  const where = isHolder ? "" : ", where FOLDER is where it has the volume mounted";
  return new DockformError(
    "volume.memory-held",
    `the engine has lost what volume "${name}" held in memory; the container ${keeper} still has it`,
    {
      hint: `Copy it: docker exec ${keeper} tar --create --xattrs --acls --sparse --numeric-owner --directory=${folder} . > contents.tar${where}. Then \`${remove} ${keeper}\`.`,
      advice: [{ code: "recover", volume: name, when: "after" }],
    },
  );
}

/** What to do where contents are lost, or are not known to be whole: hints, and advice that follows them. */
export async function waysToRestore({ target, volume }: LockedVolume): Promise<{
  readonly hints: readonly string[];
  readonly advice: readonly Advice[];
}> {
  const { store, storedAs } = target;
  const newest = await newestSnapshot(store, [storedAs], volume.name);
  return newest === undefined
    ? {
        hints: [
          `There is no snapshot of it in ${store.placeOnThisMachine(storedAs) ?? store.title}.`,
        ],
        advice: [{ code: "restore-from-elsewhere", volume: volume.name }],
      }
    : {
        hints: [],
        advice: [
          { code: "restore-snapshot", ...declaredOf(target), archivePath: newest.archivePath },
        ],
      };
}
