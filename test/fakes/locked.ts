import { inspectVolume } from "../../src/engine/volumes.ts";
import type { WritingName } from "../../src/journal/operation.ts";
import { LockedVolume } from "../../src/lock/lock.ts";
import { FakeClient } from "./client.ts";
import type { FakeEngine } from "./engine.ts";
import { fakeTarget, fakeTools, type FakeTools } from "./surroundings.ts";

/** Locks a volume of the fake engine. */
export async function lockVolume(
  engine: FakeEngine,
  volume: string,
  {
    name = "restore",
    client = new FakeClient(engine),
    tools = fakeTools(),
  }: {
    readonly name?: WritingName;
    readonly client?: FakeClient;
    readonly tools?: FakeTools;
  } = {},
): Promise<LockedVolume> {
  const found = await inspectVolume(client, volume);
  if (found === undefined) throw new Error(`there is no volume ${volume}`);
  return LockedVolume.lock(fakeTarget(client, volume), found, name, tools);
}
