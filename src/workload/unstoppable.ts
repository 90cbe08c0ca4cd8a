import type { EngineClient } from "../engine/client.ts";
import { inspectContainer, type ContainerSummary } from "../engine/containers.ts";
import { DockformError } from "../errors.ts";
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
