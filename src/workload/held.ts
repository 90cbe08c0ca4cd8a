import type { EngineClient } from "../engine/client.ts";
import { inspectContainer, type RestartPolicy } from "../engine/containers.ts";

/** A container as the engine's record of stopped containers has it. */
export interface HeldContainer {
  readonly id: string;
  readonly name: string;
  /** Whether it ran, or was paused, and is to do so again. */
  readonly active: boolean;
  readonly paused: boolean;
  /** By the engine, before it was stopped. */
  readonly startedAt: string;
  readonly restartPolicy: RestartPolicy;
  readonly service: { readonly project: string; readonly service: string } | undefined;
}

/** While containers are held, an engine that starts must leave them alone. */
export const HELD_POLICY: RestartPolicy = { Name: "no", MaximumRetryCount: 0 };

/**
 * Whether an engine that starts would start the container, too, although it was stopped: `unless-stopped`
 * keeps a stop in mind, `always` and, after a stop that ended it with a failure, `on-failure` do not.
 */
export function comesBackByItself({ Name }: RestartPolicy): boolean {
  return Name === "always" || Name === "on-failure";
}

/** Whether a container that is there runs, and starts by itself, as it did before it was stopped. */
export async function isAsBefore(
  engine: EngineClient,
  { id, active, restartPolicy }: HeldContainer,
  signal: AbortSignal,
): Promise<boolean> {
  const { State, HostConfig } = await inspectContainer(engine, id, signal);
  const runs = State.Status === "running" || State.Status === "paused";
  return (runs || !active) && HostConfig.RestartPolicy.Name === restartPolicy.Name;
}

/** Our own writing; the shape is that of {@link HeldContainer}. */
export function parseRecord(text: string): readonly HeldContainer[] {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(text) as readonly HeldContainer[];
}
