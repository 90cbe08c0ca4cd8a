import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { runsHelpers } from "../../test/fakes/helper.ts";
import { operationLabels, recordLabels, type OperationName } from "../journal/operation.ts";
import { volumesToRecover } from "./volumes-to-recover.ts";

/** An engine with two volumes, and what operations have left on some. */
class Scene {
  readonly engine = new FakeEngine(runsHelpers({ verbs: {}, finish: () => 0 }));

  constructor() {
    for (const name of ["a", "b"]) this.engine.createVolume(name);
  }

  operation(name: OperationName, volume: string, state: "running" | "exited"): void {
    const at = { client: "another", startedAt: "2026-01-01T00:00:00Z", staging: undefined };
    const container = this.engine.createContainer(`dockform-${name}-${volume}`, {
      Image: "helper:1",
      Labels: operationLabels({ name, volume, ...at }),
    });
    container.state = state;
    container.exitCode = 3;
  }

  record(name: "stopped-containers" | "leftover", volume: string): void {
    const Labels = recordLabels(name, volume, "[]");
    this.engine.createContainer(`word-${name}-${volume}`, { Image: "helper:1", Labels });
  }

  async find(): Promise<readonly unknown[]> {
    const { signal } = new AbortController();
    const found = await volumesToRecover(new FakeClient(this.engine), signal);
    const alive = found.alive.map(({ operation: { name, volume } }) => `${name} ${volume}`);
    return [found.volumes, found.written, alive];
  }
}

test("what is written is apart from what is read, and neither is recovered meanwhile", async () => {
  const scene = new Scene();
  scene.operation("restore", "b", "running");
  scene.operation("snapshot", "a", "running");
  assert.deepEqual(await scene.find(), [[], ["b"], ["snapshot a"]]);
  scene.record("stopped-containers", "a");
  scene.record("stopped-containers", "b");
  assert.deepEqual(await scene.find(), [[], ["b"], ["snapshot a"]]);
});

test("what was cut short is to be recovered, in the order of the names", async () => {
  const scene = new Scene();
  scene.record("stopped-containers", "b");
  scene.operation("restore", "a", "exited");
  assert.deepEqual(await scene.find(), [["a", "b"], [], []]);
});

test("a record that tells of no interruption counts once the volume is gone", async () => {
  const scene = new Scene();
  scene.record("leftover", "a");
  assert.deepEqual(await scene.find(), [[], [], []]);
  scene.engine.volumes.delete("a");
  assert.deepEqual(await scene.find(), [["a"], [], []]);
});
