import { DockformError, type Advice } from "../errors.ts";
import type { EngineClient } from "../engine/client.ts";
import type { Tools } from "../tools.ts";
import { findIll, type Illness } from "../workload/health.ts";
import type { ContainerOutcome } from "../workload/stopped.ts";
import type { WorkloadOptions } from "./request.ts";

/** What there is to do after a failure. */
export interface WhatNow {
  readonly hint: string;
  readonly advice: readonly Advice[];
}

/** Containers were not well on the new contents. */
export class UnhealthyError extends DockformError {
  constructor(ill: readonly Illness[], whatNow: WhatNow) {
    const symptoms = ill.map(({ name, symptom }) => `${name}: ${symptom}`);
    super("restore.unhealthy", `not well on the new contents: ${symptoms.join("; ")}`, {
      ...whatNow,
      data: { unhealthy: ill },
    });
  }
}

type NotWell =
  | { readonly text: string; readonly ill: readonly Illness[] }
  | { readonly text: string; readonly ill: undefined; readonly cause: unknown };

/** An interruption says that the new contents were not wanted after all. */
export async function whyNotWell(
  engine: EngineClient,
  outcomes: readonly ContainerOutcome[],
  { healthTimeoutMs }: Pick<WorkloadOptions, "healthTimeoutMs">,
  { log, signal }: Tools,
): Promise<NotWell | undefined> {
  if (healthTimeoutMs > 0 && outcomes.length > 0) {
    log.info(`Watching ${outcomes.map(({ name }) => name).join(", ")}`);
  }
  try {
    const ill = await findIll(engine, outcomes, healthTimeoutMs, signal);
    for (const { name, symptom, lastLines } of ill) {
      log.warn([`${name}: ${symptom}`, ...lastLines.map((line) => `  | ${line}`)].join("\n"));
    }
    return ill.length === 0 ? undefined : { text: "not well on the new contents", ill };
  } catch (cause) {
    return { text: "the containers could not be watched to the end", ill: undefined, cause };
  }
}
