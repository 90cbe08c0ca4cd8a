import { isNotFound, type EngineClient } from "./client.ts";
import { inspectContainer, type ContainerSummary } from "./containers.ts";

/**
 * A container of a list, with its state as inspect tells it. For a moment a list may have one as running whose stop has
 * returned (Docker 26.1: for up to 145 ms), or as ended without its exit code (Podman, while it cleans up).
 *
 * @returns `undefined` where it is gone.
 */
export async function inspectListed(
  engine: EngineClient,
  listed: ContainerSummary,
  signal?: AbortSignal,
): Promise<ContainerSummary | undefined> {
  if (!isInMotion(listed)) return listed;
  try {
    const { State } = await inspectContainer(engine, listed.id, signal);
    const exitCode = State.Status === "exited" ? State.ExitCode : undefined;
    return { ...listed, state: State.Status, exitCode };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

function isInMotion({ state, exitCode }: ContainerSummary): boolean {
  if (state === "exited") return exitCode === undefined;
  return state === "running" || state === "paused" || state === "restarting";
}
