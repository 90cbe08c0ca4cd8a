import assert from "node:assert/strict";
import { inspectVolume } from "../../src/engine/volumes.ts";
import { operationLabels, type Operation, type WritingName } from "../../src/journal/operation.ts";
import { LockedVolume } from "../../src/lock/lock.ts";
import { FakeClient } from "./client.ts";
import { FakeEngine } from "./engine.ts";
import { runsHelpers, type FakeVerb } from "./helper.ts";
import { fakeTarget, fakeTools, type FakeTools } from "./surroundings.ts";

/** The name that who writes to the volume has to have. */
export const LOCK = "dockform-restore-data";

/** An engine with a volume, and whoever wants to lock that. */
export class LockScene {
  /** Unless a test says otherwise, no staging folder is there. */
  readonly verbs: Record<string, FakeVerb> = { resume: () => ({ status: 1 }) };
  /** How a helper ends whose client is gone. */
  status = 0;
  readonly engine = new FakeEngine(runsHelpers({ verbs: this.verbs, finish: () => this.status }));

  constructor() {
    this.engine.createVolume("data");
  }

  async lock(
    name: WritingName = "restore",
    client = new FakeClient(this.engine),
    tools: FakeTools = fakeTools(),
  ): Promise<LockedVolume> {
    const target = fakeTarget(client, "data");
    const volume = await inspectVolume(client, "data");
    assert.ok(volume);
    return LockedVolume.lock(target, volume, name, tools);
  }

  /** The names of our own containers, without what is random in them. */
  ours(): readonly string[] {
    return this.engine.ours.map(({ name }) => name.replace(/-[0-9a-f]{8}$/, ""));
  }

  /** What stands under the lock's name in the engine. */
  holder(
    state: "running" | "created" | "exited" | "dead" | "removing",
    exitCode = 0,
    operation: Partial<Operation> = {},
  ): string {
    const labels = operationLabels({
      name: "restore",
      volume: "data",
      client: "another",
      startedAt: "2026-01-01T00:00:00Z",
      staging: ".dockform-0123456789ab",
      ...operation,
    });
    return this.foreign(LOCK, labels, state, exitCode);
  }

  foreign(
    name: string,
    Labels: Readonly<Record<string, string>>,
    state: "running" | "created" | "exited" | "dead" | "removing" = "created",
    exitCode = 0,
  ): string {
    const container = this.engine.createContainer(name, { Image: "helper:1", Labels });
    if (state === "running") this.engine.startContainer(container.id);
    else container.state = state;
    container.exitCode = exitCode;
    return container.id;
  }

  user(state: "running" | "created", labels: Readonly<Record<string, string>> = {}): string {
    const { id } = this.engine.createContainer("app", {
      Image: "app:1",
      Labels: labels,
      HostConfig: { Mounts: [{ Type: "volume", Source: "data", Target: "/data" }] },
    });
    if (state === "running") this.engine.startContainer(id);
    return id;
  }
}
