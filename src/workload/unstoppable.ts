import { isNotFound, type EngineClient } from "../engine/client.ts";
import {
  canSetRestartPolicy,
  inspectContainer,
  type ContainerSummary,
  type RestartPolicy,
} from "../engine/containers.ts";
import { DockformError } from "../errors.ts";
import { comesBackByItself } from "./held.ts";
import { containerTitle, isActive, type VolumeUser } from "./users.ts";

/**
 * Refuses containers that must not be stopped: stopping removes one that was run with `--rm`, and a
 * swarm service starts another in place of its own.
 *
 * @throws DockformError `refused`.
 */
export async function refuseUnstoppable(
  engine: EngineClient,
  users: readonly VolumeUser[],
  signal: AbortSignal,
): Promise<void> {
  for (const { container } of users) {
    if (!isActive(container)) continue;
    const why = await whyUnstoppable(engine, container, signal);
    if (why === undefined) continue;
    throw new DockformError(
      "container.cannot-restart",
      `${containerTitle(container)} cannot be stopped and started again: ${why}`,
      {
        hint: "Nothing was touched. Stop it yourself, restore, then start it again.",
      },
    );
  }
}

/**
 * Refuses containers that the engine might start again by itself while they are stopped, where it cannot be told not to.
 *
 * @throws DockformError `refused`.
 */
export async function refuseUnholdable(
  engine: EngineClient,
  users: readonly VolumeUser[],
  signal: AbortSignal,
): Promise<void> {
  for (const { container } of users) {
    const policy = await heldPolicy(engine, container, signal);
    if (policy === undefined) continue;
    throw new DockformError(
      "container.cannot-hold",
      `${containerTitle(container)} has the restart policy ${policy.Name}, and this engine cannot change that: it might start the container in the middle of the work`,
      {
        hint: "Nothing was touched. Podman can from version 5 on. Else remove the container, restore, then make it again.",
      },
    );
  }
}

/** The policy of one that comes back by itself, and cannot be kept from it. */
async function heldPolicy(
  engine: EngineClient,
  { id }: ContainerSummary,
  signal: AbortSignal,
): Promise<RestartPolicy | undefined> {
  try {
    const { RestartPolicy: policy } = (await inspectContainer(engine, id, signal)).HostConfig;
    if (!comesBackByItself(policy)) return undefined;
    return (await canSetRestartPolicy(engine, id, policy, signal)) ? undefined : policy;
  } catch (error) {
    // Removed since it was listed.
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function whyUnstoppable(
  engine: EngineClient,
  container: ContainerSummary,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (container.labels["com.docker.swarm.service.id"] !== undefined) {
    return "it belongs to a swarm service, which would start another in its place";
  }
  const { HostConfig } = await inspectContainer(engine, container.id, signal);
  return HostConfig.AutoRemove ? "it was run with --rm, so stopping removes it" : undefined;
}
