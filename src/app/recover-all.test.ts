import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { putOperation } from "../../test/fakes/operations.ts";
import { DEFAULT_HOST, FakeSite } from "../../test/fakes/workspace.ts";
import { recoverAll, type RecoveryStep } from "./recover-all.ts";

async function steps(engine: FakeEngine): Promise<readonly RecoveryStep[]> {
  await using site = await FakeSite.create(undefined, { [DEFAULT_HOST]: engine });
  using workspace = await site.open();
  return await Array.fromAsync(recoverAll(workspace, { healthTimeoutMs: 0 }, site.tools));
}

test("where nothing was cut short there is nothing to do", async () => {
  const engine = new FakeEngine();
  engine.createVolume("data");
  assert.deepEqual(await steps(engine), []);
});

test("a volume that is being worked on is left alone; what is kept of one that is gone is removed", async () => {
  const engine = new FakeEngine();
  engine.createVolume("busy");
  putOperation(engine, "busy", "running");
  putOperation(engine, "gone", "exited");
  const [busy, gone, ...others] = await steps(engine);
  assert.equal(busy?.kind === "at work" && busy.operation.volume, "busy");
  assert.equal(gone?.kind === "recovered" && gone.report.contents, "gone");
  assert.deepEqual(others, []);
  assert.deepEqual(
    engine.ours.map(({ name }) => name),
    ["dockform-restore-busy"],
  );
});

test("a volume that cannot be recovered stops none of the others", async () => {
  const engine = new FakeEngine();
  engine.createVolume("cut");
  putOperation(engine, "cut", "exited");
  putOperation(engine, "gone", "exited");
  // Without it nothing can be done in a volume.
  engine.images.delete("helper:1");
  assert.deepEqual(
    (await steps(engine)).map(({ kind }) => kind),
    ["failed", "recovered"],
  );
});
