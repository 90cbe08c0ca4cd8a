import { operationLabels, type Operation } from "../../src/journal/operation.ts";
import type { FakeEngine } from "./engine.ts";

/** Puts a helper of somebody else's operation into an engine; returns its container's id. */
export function putOperation(
  engine: FakeEngine,
  volume: string,
  state: "running" | "created" | "exited",
  operation: Partial<Operation> = {},
): string {
  const labels = operationLabels({
    name: "restore",
    volume,
    client: "another",
    startedAt: "2026-01-01T00:00:00Z",
    staging: ".dockform-0123456789ab",
    ...operation,
  });
  const helper = engine.createContainer(`dockform-restore-${volume}`, {
    Image: "helper:1",
    Labels: labels,
  });
  if (state === "running") engine.startContainer(helper.id);
  else helper.state = state;
  // As of a process that was killed.
  if (state === "exited") helper.exitCode = 137;
  return helper.id;
}
