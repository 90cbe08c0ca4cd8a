import type { ItemOf } from "./documents/documents.ts";
import { DockformError } from "../errors.ts";
import { formatDuration } from "../format.ts";
import type { ContainerOutcome } from "../workload/stopped.ts";

/** A line on how long a container was down, and what took how long. */
export function containerLine(container: ContainerOutcome): string {
  const { name, outcome, problem, downtimeMs, stoppingMs, swappingMs, startingMs } = container;
  if (outcome !== "started") return `  ${name}: not running: ${problem}`;
  const parts = [stoppingMs, swappingMs, startingMs].map(formatDuration);
  const [stopping = "", swapping = "", starting = ""] = parts;
  return `  ${name}: down for ${formatDuration(downtimeMs)} (stopping ${stopping}, swapping ${swapping}, starting ${starting})`;
}

export function containerToJson(
  container: ContainerOutcome,
): ItemOf<"volume restore", "containers"> {
  return {
    name: container.name,
    outcome: container.outcome,
    problem: container.problem ?? null,
    downtime_ms: container.downtimeMs,
    stopping_ms: container.stoppingMs,
    swapping_ms: container.swappingMs,
    starting_ms: container.startingMs,
  };
}

/** @throws DockformError `failed` when a container does not run again, though all else was `done`. */
export function throwIfDown(containers: readonly ContainerOutcome[], done: string): void {
  const down = containers.filter(({ outcome }) => outcome === "failed");
  if (down.length === 0) return;
  throw new DockformError(
    "container.start-failed",
    `${done}, but ${down.map(({ name }) => name).join(", ")} did not start`,
    { hint: "Look at it with `docker logs`, then start it with `docker start`." },
  );
}
