import { isConflict, isNotFound, type EngineClient } from "../engine/client.ts";
import { inspectContainer, removeStoppedContainer } from "../engine/containers.ts";
import { engineInfo } from "../engine/system.ts";
import { messageOf } from "../errors.ts";
import { OPERATIONS, type Journal } from "../journal/operation.ts";
import type { Tools } from "../tools.ts";

/** A client starts its helper at once; one that has not by then is dead. */
const START_LIMIT_MS = 30_000;

/**
 * Removes the helpers of snapshots whose client was killed before it could start them, and those that the engine
 * failed to remove when they ended. Nothing else would: they stand in nobody's way. That the engine does not remove
 * a container that runs is the proof that nobody is hit who has begun.
 */
export async function removeDeadReaders(
  engine: EngineClient,
  { operations }: Journal,
  { log, signal }: Tools,
): Promise<void> {
  const dead = operations.filter(
    ({ operation, standing }) =>
      !OPERATIONS[operation.name].needsRecovery && standing !== "alive" && standing !== "going",
  );
  for (const found of dead) {
    const { containerId, containerName } = found;
    try {
      if (found.standing === "unstarted" && !(await isOld(engine, containerId, signal))) continue;
      await removeStoppedContainer(engine, containerId, signal);
      log.debug(`removed ${containerName}, left by a client that was killed`);
    } catch (error) {
      signal.throwIfAborted();
      if (isNotFound(error) || isConflict(error)) continue;
      log.debug(`cannot remove ${containerName}: ${messageOf(error)}`);
    }
  }
}

/** By the engine's clock alone. */
async function isOld(engine: EngineClient, id: string, signal: AbortSignal): Promise<boolean> {
  const [{ Created }, { time }] = await Promise.all([
    inspectContainer(engine, id, signal),
    engineInfo(engine, signal),
  ]);
  return time !== undefined && time.getTime() - Date.parse(Created) > START_LIMIT_MS;
}
