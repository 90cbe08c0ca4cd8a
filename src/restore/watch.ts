import { DockformError, type Advice } from "../errors.ts";
import type { EngineClient } from "../engine/client.ts";
import type { Tools } from "../tools.ts";
import { findUnhealthy, type UnhealthyContainer } from "../workload/health.ts";
import type { ContainerOutcome } from "../workload/stopped.ts";
import type { WorkloadOptions } from "./request.ts";

/** What there is to do after a failure. */
export interface WhatNow {
  readonly hint: string;
  readonly advice: readonly Advice[];
}

/** Containers were not healthy on the new contents. */
export class UnhealthyError extends DockformError {
  constructor(unhealthy: readonly UnhealthyContainer[], whatNow: WhatNow) {
    const symptoms = unhealthy.map(({ name, symptom }) => `${name}: ${symptom}`);
    super("restore.unhealthy", `not healthy on the new contents: ${symptoms.join("; ")}`, {
      ...whatNow,
      data: { unhealthy },
    });
  }
}

type HealthFailure =
  | { readonly text: string; readonly unhealthy: readonly UnhealthyContainer[] }
  | { readonly text: string; readonly unhealthy: undefined; readonly cause: unknown };

/** An interruption says that the new contents were not wanted after all. */
export async function whyUnhealthy(
  engine: EngineClient,
  outcomes: readonly ContainerOutcome[],
  { healthTimeoutMs }: Pick<WorkloadOptions, "healthTimeoutMs">,
  { log, startWait, signal }: Tools,
): Promise<HealthFailure | undefined> {
  const names = outcomes.map(({ name }) => name).join(", ");
  const isWatched = healthTimeoutMs > 0 && outcomes.length > 0;
  const end = isWatched ? startWait(`Watching ${names}`, healthTimeoutMs) : undefined;
  try {
    const unhealthy = await findUnhealthy(engine, outcomes, healthTimeoutMs, signal);
    for (const { name, symptom, lastLines } of unhealthy) {
      log.warn(`${name}: ${symptom}`);
      for (const line of lastLines) log.warn(`${name} | ${line}`);
    }
    return unhealthy.length === 0
      ? undefined
      : { text: "not healthy on the new contents", unhealthy };
  } catch (cause) {
    return { text: "the containers could not be watched to the end", unhealthy: undefined, cause };
  } finally {
    end?.();
  }
}
