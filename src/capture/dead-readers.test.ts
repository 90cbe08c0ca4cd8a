import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import type { FakeContainer } from "../../test/fakes/container.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { fakeTools } from "../../test/fakes/surroundings.ts";
import type { RequestOptions } from "../engine/client.ts";
import { listContainers } from "../engine/containers.ts";
import { operationLabels, readJournal, type OperationName } from "../journal/operation.ts";
import { removeDeadReaders } from "./dead-readers.ts";

/** An engine that says what time it is. */
class ClockedClient extends FakeClient {
  time: string | undefined;

  override async json(
    method: string,
    path: string,
    options: RequestOptions = {},
  ): Promise<unknown> {
    const found = await super.json(method, path, options);
    return path === "/info" ? { ...Object(found), SystemTime: this.time } : found;
  }
}

class Scene {
  readonly engine = new FakeEngine();
  readonly client = new ClockedClient(this.engine);
  readonly tools;

  constructor(signal?: AbortSignal) {
    this.tools = fakeTools("somebody", signal);
  }

  helper(state: FakeContainer["state"], name: OperationName = "snapshot"): FakeContainer {
    const volume = "data";
    const startedAt = "2026-01-01T00:00:00Z";
    const operation = { name, volume, client: "another", startedAt, staging: undefined };
    const container = this.engine.createContainer(`dockform-${name}-data-${state}`, {
      Image: "helper:1",
      Labels: operationLabels(operation),
    });
    if (state === "running") this.engine.startContainer(container.id);
    else container.state = state;
    return container;
  }

  async tidy(): Promise<readonly string[]> {
    const journal = readJournal(await listContainers(this.client));
    await removeDeadReaders(this.client, journal, this.tools);
    return this.engine.ours.map(({ name }) => name);
  }
}

function after(container: FakeContainer, ms: number): string {
  return new Date(Date.parse(container.created) + ms).toISOString();
}

test("helpers of snapshots that have ended are removed, and no others", async () => {
  const scene = new Scene();
  scene.helper("exited");
  scene.helper("dead");
  scene.helper("running");
  scene.helper("exited", "restore");
  assert.deepEqual(await scene.tidy(), [
    "dockform-snapshot-data-running",
    "dockform-restore-data-exited",
  ]);
});

test("one that was never started is removed once its client must be dead, by the engine's clock", async () => {
  for (const [passedMs, isLeft] of [
    [29_000, true],
    [31_000, false],
  ] as const) {
    const scene = new Scene();
    const helper = scene.helper("created");
    scene.client.time = after(helper, passedMs);
    assert.deepEqual((await scene.tidy()).length, isLeft ? 1 : 0);
  }
});

test("where the engine does not say the time, one that was never started stays", async () => {
  const scene = new Scene();
  scene.helper("created");
  assert.equal((await scene.tidy()).length, 1);
});

test("one that is gone, or has begun, meanwhile is left alone; the others are removed all the same", async () => {
  for (const status of [404, 409]) {
    const scene = new Scene();
    scene.helper("exited");
    scene.helper("dead");
    scene.client.failNext(/^DELETE /, status);
    assert.equal((await scene.tidy()).length, 1);
    const said = scene.tools.log.lines.filter(({ text }) => text.startsWith("cannot remove"));
    assert.deepEqual(said, []);
  }
});

test("one that the engine cannot remove is no obstacle, and said for whoever looks for it", async () => {
  const scene = new Scene();
  scene.helper("exited");
  scene.client.failNext(/^DELETE /, ...Array<number>(100).fill(500));
  assert.equal((await scene.tidy()).length, 1);
  const [line] = scene.tools.log.lines.filter(({ text }) => text.startsWith("cannot remove"));
  assert.equal(line?.level, "debug");
});

test("an interruption ends it", async () => {
  const controller = new AbortController();
  const scene = new Scene(controller.signal);
  scene.helper("exited");
  scene.client.gate = (call) => {
    if (!call.startsWith("DELETE")) return;
    controller.abort(new Error("enough"));
    throw new Error("cut short");
  };
  await assert.rejects(scene.tidy(), /enough/);
});
