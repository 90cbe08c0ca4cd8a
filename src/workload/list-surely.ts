import type { EngineClient } from "../engine/client.ts";
import { inspectListed } from "../engine/container-state.ts";
import { listContainers, type ContainerSummary } from "../engine/containers.ts";
import type { EngineVolume } from "../engine/volumes.ts";
import { HELPER_LABEL } from "../journal/operation.ts";
import { usersOfAny } from "./users.ts";

/** All containers of an engine; the states of our own are what inspect says, since a list may be behind. */
export async function listSurely(
  engine: EngineClient,
  signal: AbortSignal,
): Promise<readonly ContainerSummary[]> {
  return withSureStates(engine, await listContainers(engine, { signal }), [], signal);
}

/** Listed containers; the states of those that something is decided by, our own and the users of some volumes, are what inspect says. */
export async function withSureStates(
  engine: EngineClient,
  listed: readonly ContainerSummary[],
  volumes: readonly EngineVolume[],
  signal: AbortSignal,
): Promise<readonly ContainerSummary[]> {
  const users = new Set(usersOfAny(listed, volumes).map(({ container }) => container.id));
  const decides = ({ id, labels }: ContainerSummary): boolean =>
    labels[HELPER_LABEL] !== undefined || users.has(id);
  const found = await Promise.all(
    listed.map(async (each) => (decides(each) ? inspectListed(engine, each, signal) : each)),
  );
  return found.filter((each) => each !== undefined);
}
