/** What a client leaves in a house's engine and volume that dies in the middle of a restore. */
import { operationLabels, recordLabels, type Operation } from "../../src/journal/operation.ts";
import type { RestoreRequest } from "../../src/restore/request.ts";
import { restoreVolume } from "../../src/restore/restore.ts";
import { FakeClient } from "./client.ts";
import type { House } from "./house.ts";

/** A helper of a client that is gone, in whatever state. */
export function helper(
  house: House,
  state: "created" | "running" | "exited",
  operation: Partial<Operation> = {},
  exitCode = 3,
): void {
  const labels = operationLabels({
    name: "restore",
    volume: "data",
    client: "another",
    startedAt: "2026-01-01T00:00:00Z",
    staging: undefined,
    ...operation,
  });
  const name = `dockform-restore-${operation.volume ?? "data"}`;
  const container = house.engine.createContainer(name, { Image: "helper:1", Labels: labels });
  container.state = state;
  container.exitCode = exitCode;
}

/** A record that an operation has left. */
export function word(
  house: House,
  name: "stopped-containers" | "kept-contents",
  text: string,
): void {
  const labels = recordLabels(name, "data", text);
  house.engine.createContainer(`word-${name}`, { Image: "helper:1", Labels: labels });
}

/** Lets a client restore until it has died, and its helper has ended. */
export async function restoreUntil(
  dead: Promise<void>,
  house: House,
  client: FakeClient,
  more: Partial<RestoreRequest> = {},
): Promise<void> {
  void restoreVolume(house.request(more, client), house.tools).catch(() => {});
  await dead;
  while (house.engine.container("dockform-restore-data").state === "running") {
    await new Promise(setImmediate);
  }
}

/** A client that dies once the swap is made. */
export async function dieAfterSwap(
  house: House,
  more: Partial<RestoreRequest> = {},
): Promise<void> {
  const client = new FakeClient(house.engine);
  const dead = Promise.withResolvers<void>();
  house.contents.instead.set("swap", async (call, real) => {
    house.contents.instead.delete("swap");
    const reply = await real(call);
    client.die();
    dead.resolve();
    return reply;
  });
  await restoreUntil(dead.promise, house, client, more);
}
