import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { DEFAULT_HOST, FakeSite } from "../../test/fakes/workspace.ts";
import { applyPlan, planApply, type ApplyPlan, type ApplyStep } from "./apply.ts";

const IDENTIFIER = "io.dockform.identifier";
const ours = { labels: { [IDENTIFIER]: "home" } };
const manifest = { identifier: "home", volumes: { data: {}, gold: { labels: { tier: "gold" } } } };
const confirmed = (): Promise<void> => Promise.resolve();

async function planned(site: FakeSite, prune = false): Promise<ApplyPlan> {
  using workspace = await site.open();
  return await planApply(workspace, { prune }, site.tools.signal);
}

function names({ toCreate, toRemove }: ApplyPlan): unknown {
  return {
    create: toCreate.map(({ target }) => target.volume),
    remove: toRemove.map(({ volume }) => volume),
  };
}

test("what is missing is created with its own label and the identifier's, and each step is told", async () => {
  const engine = new FakeEngine();
  engine.createVolume("data", ours);
  await using site = await FakeSite.create(manifest, { [DEFAULT_HOST]: engine });
  const steps: ApplyStep[] = await Array.fromAsync(
    applyPlan(await planned(site), confirmed, site.tools),
  );
  assert.deepEqual(steps, [{ kind: "created", context: "default", volume: "gold" }]);
  assert.deepEqual(engine.volume("gold").labels, { tier: "gold", [IDENTIFIER]: "home" });
  assert.deepEqual(names(await planned(site)), { create: [], remove: [] });
});

test("what is no longer declared is removed where that is asked for, and only what is ours", async () => {
  const engine = new FakeEngine();
  for (const name of ["data", "gold", "former"]) engine.createVolume(name, ours);
  engine.createVolume("foreign", { labels: { [IDENTIFIER]: "work" } });
  await using site = await FakeSite.create(manifest, { [DEFAULT_HOST]: engine });
  assert.deepEqual(names(await planned(site)), { create: [], remove: [] });
  assert.deepEqual(names(await planned(site, true)), { create: [], remove: ["former"] });
});

test("a volume that cannot be removed keeps everything from being done, and nobody is asked", async () => {
  const engine = new FakeEngine();
  engine.createVolume("former", ours);
  engine.createContainer("app", {
    Image: "app:1",
    HostConfig: { Mounts: [{ Type: "volume", Source: "former", Target: "/data" }] },
  });
  await using site = await FakeSite.create(manifest, { [DEFAULT_HOST]: engine });
  const plan = await planned(site, true);
  const confirm = (): Promise<void> => assert.fail("somebody was asked");
  await assert.rejects(Array.fromAsync(applyPlan(plan, confirm, site.tools)), {
    code: "volume.in-use",
  });
  assert.deepEqual([...engine.volumes.keys()], ["former"]);
});

test("where it is not confirmed nothing is done", async () => {
  const engine = new FakeEngine();
  await using site = await FakeSite.create(manifest, { [DEFAULT_HOST]: engine });
  const plan = await planned(site);
  const refusal = new Error("no");
  const confirm = (): Promise<void> => Promise.reject(refusal);
  await assert.rejects(Array.fromAsync(applyPlan(plan, confirm, site.tools)), refusal);
  assert.equal(engine.volumes.size, 0);
});
