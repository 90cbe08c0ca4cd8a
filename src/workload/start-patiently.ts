import { setTimeout as sleep } from "node:timers/promises";
import type { EngineClient } from "../engine/client.ts";
import { startContainer } from "../engine/containers.ts";
import { messageOf } from "../errors.ts";

/** What is in the way of a container of which an engine that was killed has kept a part (seen with 20.10). */
const LEFT_OVER = /\balready exists\b|\bid already in use\b|io\.containerd\S*: file exists/;
const POLL_MS = 500;

/**
 * Starts a container. An engine that was started again may still be removing what died with it, and refuses
 * meanwhile: then it is asked again.
 *
 * @param patientUntilMs on the clock of `performance.now()`; from then on the engine's refusal counts.
 */
export async function startPatiently(
  engine: EngineClient,
  id: string,
  patientUntilMs: number,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    try {
      await startContainer(engine, id, signal);
      return;
    } catch (error) {
      if (!LEFT_OVER.test(messageOf(error)) || performance.now() > patientUntilMs) throw error;
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** Why a container does not start, with what to do where an engine that died has left a part of it. */
export function whyNotStarted(error: unknown): string {
  const message = messageOf(error);
  if (!LEFT_OVER.test(message)) return message;
  return `${message} (left by an engine that died: recreate the container, or restart the machine)`;
}
