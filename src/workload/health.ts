import { setTimeout as sleep } from "node:timers/promises";
import type { EngineClient } from "../engine/client.ts";
import { inspectContainer, lastLogLines, type ContainerDetails } from "../engine/containers.ts";
import { messageOf } from "../errors.ts";
import type { ContainerOutcome } from "./stopped.ts";

const POLL_MS = 100;
/** A container without a health check has to run for so long without a break. */
export const STEADY_MS = 5000;
/**
 * A container that was restarted so often without a run of some seconds does not get healthy by waiting. The engine's
 * pauses, which double, make that some four seconds at least: time for one that waits for another to be ready.
 */
const CRASH_LOOP_RESTARTS = 5;
const LOG_LINES = 5;

/** A container that is not healthy after its start. */
export interface UnhealthyContainer {
  readonly name: string;
  /** What was seen: `exited with code 1`, `unhealthy`. */
  readonly symptom: string;
  /** The last lines of its log. */
  readonly lastLines: readonly string[];
}

/**
 * Waits until containers that were started are healthy: one with a health check when it is healthy, one
 * without when it has run for some seconds without a break.
 *
 * @param timeoutMs how long that may take; 0 asks for nothing.
 * @returns those that are not healthy: at once where that is final, else when the time is over.
 */
export async function findUnhealthy(
  engine: EngineClient,
  containers: readonly ContainerOutcome[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<readonly UnhealthyContainer[]> {
  if (timeoutMs === 0) return [];
  const examined = await Promise.all(
    containers.map((container) => examine(engine, container, { timeoutMs, signal })),
  );
  return examined.filter((container) => container !== undefined);
}

interface Limits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

async function examine(
  engine: EngineClient,
  { id, name, outcome, problem, paused }: ContainerOutcome,
  { timeoutMs, signal }: Limits,
): Promise<UnhealthyContainer | undefined> {
  if (outcome === "failed") return { name, symptom: `not started: ${problem}`, lastLines: [] };
  if (outcome === "gone" || paused) return undefined;
  const beganMs = performance.now();
  let startedAt: string | undefined;
  let runsSinceMs = beganMs;
  let shortRuns = 0;
  for (;;) {
    const details = await inspectContainer(engine, id, signal);
    const nowMs = performance.now();
    const timeIsOver = nowMs - beganMs >= timeoutMs;
    if (startedAt !== undefined && startedAt !== details.State.StartedAt) {
      shortRuns = nowMs - runsSinceMs < STEADY_MS ? shortRuns + 1 : 0;
      runsSinceMs = nowMs;
    }
    startedAt = details.State.StartedAt;
    const steady = nowMs - runsSinceMs >= STEADY_MS || (timeIsOver && runsSinceMs === beganMs);
    const condition = conditionOf(details, steady, shortRuns >= CRASH_LOOP_RESTARTS);
    if (condition === "healthy") return undefined;
    if (condition.final || timeIsOver) {
      const time = condition.final ? "" : ` after ${Math.round(timeoutMs / 1000)} s`;
      const lastLines = await lastLinesOf(engine, details, signal);
      return { name, symptom: `${condition.symptom}${time}`, lastLines };
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

type Condition = "healthy" | { readonly symptom: string; readonly final: boolean };

/** What a container's state says of its health; `steady` when it has run for long enough, `isCrashing` when it never does. */
function conditionOf(
  { State, RestartCount }: ContainerDetails,
  steady: boolean,
  isCrashing: boolean,
): Condition {
  if (State.Status === "exited" || State.Status === "dead") {
    return { symptom: `${State.Status} with code ${State.ExitCode}`, final: true };
  }
  if (State.Status !== "running") {
    const symptom = `${State.Status}, last exit code ${State.ExitCode}`;
    return { symptom, final: isCrashing };
  }
  const health = State.Health?.Status ?? "none";
  if (health === "healthy") return "healthy";
  if (health === "unhealthy")
    return { symptom: `unhealthy${probeOutput(State.Health)}`, final: true };
  if (isCrashing) return { symptom: `restarted ${RestartCount} times`, final: true };
  if (health === "starting") {
    return { symptom: `not healthy yet${probeOutput(State.Health)}`, final: false };
  }
  if (steady) return "healthy";
  return { symptom: `restarted ${RestartCount} times`, final: false };
}

/** What the last probe of a health check printed. */
function probeOutput(health: ContainerDetails["State"]["Health"]): string {
  const output = health?.Log?.at(-1)?.Output.trim().split("\n").at(-1);
  return output === undefined || output === "" ? "" : ` (${output})`;
}

async function lastLinesOf(
  engine: EngineClient,
  details: ContainerDetails,
  signal: AbortSignal,
): Promise<readonly string[]> {
  try {
    return await lastLogLines(engine, details, LOG_LINES, signal);
  } catch (error) {
    return [`its log cannot be read: ${messageOf(error)}`];
  }
}
