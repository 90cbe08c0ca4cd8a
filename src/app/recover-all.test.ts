import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { putOperation } from "../../test/fakes/operations.ts";
import { inFastTime } from "../../test/fakes/time.ts";
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

test("volumes that are being worked on are left alone, the written ones after a while; what is kept of one that is gone is removed", async (t) => {
  const engine = new FakeEngine();
  for (const volume of ["busy", "busy2", "read"]) engine.createVolume(volume);
  putOperation(engine, "busy", "running");
  putOperation(engine, "busy2", "running");
  putOperation(engine, "read", "running", { name: "snapshot" });
  putOperation(engine, "gone", "exited");
  await inFastTime(t, async () => {
    const [read, gone, ...busy] = await steps(engine);
    assert.equal(read?.kind === "at work" && read.operation.volume, "read");
    assert.equal(gone?.kind === "recovered" && gone.report.contents, "gone");
    assert.deepEqual(
      busy.map(({ kind }) => kind),
      ["since at work", "since at work"],
    );
    assert.ok(
      performance.now() < 140_000,
      `all are waited for at the same time, ${performance.now()} ms`,
    );
  });
  assert.deepEqual(
    engine.ours.map(({ name }) => name),
    ["dockform-restore-busy", "dockform-restore-busy2", "dockform-restore-read"],
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
