import { setTimeout as sleep } from "node:timers/promises";
import type { EngineClient } from "../engine/client.ts";
import {
  inspectContainer,
  lastLogLines,
  startContainer,
  type ContainerDetails,
} from "../engine/containers.ts";
import { createContainerSurely } from "../engine/create-container.ts";
import { DockformError } from "../errors.ts";
import type { Tools } from "../tools.ts";
import type { DrillRequest } from "./request.ts";
import type { ThrowAwayVolume } from "./throwaway.ts";

const POLL_MS = 200;
/** A copy without a health check has to run for so long. */
const STEADY_MS = 10_000;
const LOG_LINES = 20;

/**
 * Starts the container and waits until it is healthy.
 *
 * @returns how that was seen.
 * @throws DockformError `failed` when it is not healthy in time.
 */
export async function proof(
  { target: { engine }, subject, timeoutMs, archivePath }: DrillRequest,
  throwAway: ThrowAwayVolume,
  definition: Readonly<Record<string, unknown>>,
  tools: Tools,
): Promise<string> {
  const name = `${throwAway.name}-drill`;
  const id = await createContainerSurely(engine, name, definition, tools);
  await startContainer(engine, id, tools.signal);
  const end = tools.startWait(`Drill of ${throwAway.target.volume}`, timeoutMs);
  try {
    const seen = await watch(engine, id, subject.kind === "container", { timeoutMs, tools });
    if (seen.well) return seen.text;
    const details = await inspectContainer(engine, id, tools.signal);
    const lastLines = await lastLogLines(engine, details, LOG_LINES, tools.signal);
    for (const line of lastLines) tools.log.info(`  | ${line}`);
    throw new DockformError("drill.failed", `the drill of ${archivePath} failed: ${seen.text}`, {
      hint: "The last lines of its output are above. The snapshot may be damaged or taken at a bad moment, or the container may need more than this volume.",
      data: { last_lines: lastLines },
    });
  } finally {
    end();
  }
}

interface Seen {
  readonly well: boolean;
  readonly text: string;
}

async function watch(
  engine: EngineClient,
  id: string,
  steadyWillDo: boolean,
  { timeoutMs, tools }: { readonly timeoutMs: number; readonly tools: Tools },
): Promise<Seen> {
  const beganMs = performance.now();
  for (;;) {
    const details = await inspectContainer(engine, id, tools.signal);
    const elapsedMs = performance.now() - beganMs;
    const seen = judge(details, steadyWillDo && elapsedMs >= STEADY_MS);
    if (seen !== undefined) return seen;
    if (elapsedMs >= timeoutMs) {
      const waitedFor = details.State.Health === undefined ? "ended" : "healthy";
      return {
        well: false,
        text: `it was not ${waitedFor} after ${Math.round(timeoutMs / 1000)} s`,
      };
    }
    await sleep(POLL_MS, undefined, { signal: tools.signal });
  }
}

/** What a container's state says; `undefined` while nothing can be said yet. */
function judge({ State }: ContainerDetails, steady: boolean): Seen | undefined {
  if (State.Status === "exited" || State.Status === "dead") {
    const text = `it ended with code ${State.ExitCode}`;
    return { well: State.ExitCode === 0, text };
  }
  switch (State.Health?.Status ?? "none") {
    case "healthy":
      return { well: true, text: "it is healthy" };
    case "unhealthy":
      return { well: false, text: "it is unhealthy" };
    case "starting":
      return undefined;
    case "none":
      return steady
        ? { well: true, text: `it ran for ${STEADY_MS / 1000} s; it has no health check` }
        : undefined;
  }
}
