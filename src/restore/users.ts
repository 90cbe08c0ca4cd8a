import { DockformError, messageOf } from "../errors.ts";
import type { LockedVolume } from "../lock/lock.ts";
import type { Tools } from "../tools.ts";
import type { StoppedContainers } from "../workload/stopped.ts";
import { refuseUnholdable, refuseUnstoppable } from "../workload/unstoppable.ts";
import { containerTitle, isActive, type VolumeUser } from "../workload/users.ts";
import type { Replacement } from "./replacement.ts";
import type { WorkloadOptions } from "./request.ts";

const INTRUDERS_TIMEOUT_MS = 30_000;

/** The users of some volumes, each once, after what may have been a long extraction; new ones must be stoppable as well. */
export async function presentUsers(
  replacements: readonly Replacement[],
  { stopContainers }: Pick<WorkloadOptions, "stopContainers">,
  { signal }: Tools,
): Promise<readonly VolumeUser[]> {
  if (!stopContainers) return [];
  const found = new Map<string, VolumeUser>();
  for (const { lock } of replacements) {
    const { users } = await lock.survey(signal);
    await refuseUnstoppable(lock.target.engine, users, signal);
    await refuseUnholdable(lock.target.engine, users, signal);
    for (const user of users) found.set(user.container.id, user);
  }
  return [...found.values()];
}

/** A container that was started after the check would be writing to files on their way out. */
export async function refuseNewUsers(
  replacements: readonly Replacement[],
  stopped: StoppedContainers,
  { signal }: Tools,
): Promise<void> {
  for (const { lock } of replacements) {
    const [running] = await activeUsers(lock, signal);
    if (running !== undefined) throw newUser(lock, running, stopped);
  }
}

function newUser(
  { volume }: LockedVolume,
  { container }: VolumeUser,
  stopped: StoppedContainers,
): DockformError {
  const title = containerTitle(container);
  return new DockformError(
    "restore.container-started",
    stopped.has(container)
      ? `${title} was started again while the restore had it stopped`
      : `${title} began to use volume "${volume.name}" during the restore`,
    {
      hint: "The old contents are in place. Run the restore again, and make sure that nothing else starts it.",
    },
  );
}

/** What was started by somebody while its volume was swapped has open files of the old contents. */
export async function stopIntruders(
  replacements: readonly Replacement[],
  stopped: StoppedContainers,
  holdOn: () => Promise<void>,
  { log }: Tools,
): Promise<void> {
  try {
    const signal = AbortSignal.timeout(INTRUDERS_TIMEOUT_MS);
    const running = new Map<string, VolumeUser>();
    for (const { lock } of replacements) {
      for (const user of await activeUsers(lock, signal)) running.set(user.container.id, user);
    }
    const containers = [...running.values()].map(({ container }) => container);
    for (const container of containers) {
      const consequence = stopped.has(container)
        ? "it is stopped and started again"
        : "restart it, because it may use the old contents";
      log.warn(`${containerTitle(container)} was started during the swap: ${consequence}`);
    }
    if (containers.some((container) => stopped.has(container))) await stopped.stopAgain(holdOn);
  } catch (error) {
    log.warn(`cannot tell whether a container was started during the swap: ${messageOf(error)}`);
  }
}

async function activeUsers(
  lock: LockedVolume,
  signal: AbortSignal,
): Promise<readonly VolumeUser[]> {
  const { users } = await lock.survey(signal);
  return users.filter(({ container }) => isActive(container));
}
