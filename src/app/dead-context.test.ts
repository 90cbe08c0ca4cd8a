import assert from "node:assert/strict";
import { test } from "node:test";
import { DockformError } from "../errors.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { FakeSite } from "../../test/fakes/workspace.ts";
import { planApply } from "./apply.ts";
import { inventory } from "./inventory.ts";
import { recoverAll } from "./recover-all.ts";
import type { FailedContext } from "./several.ts";

const HERE = "unix:///here.sock";
const MANIFEST = {
  identifier: "home",
  contexts: {
    dead: { host: "unix:///no/engine/here.sock", volumes: { data: {} } },
    here: { host: HERE, volumes: { data: {}, wanted: {} } },
  },
};

/** Which contexts failed, and why. */
function told(failed: readonly FailedContext[]): unknown {
  return failed.map(({ context, error }) => [
    context,
    error instanceof DockformError ? error.code : error,
  ]);
}

test("a context whose engine is dead stops none of the others", async () => {
  const engine = new FakeEngine();
  engine.createVolume("data");
  await using site = await FakeSite.create(MANIFEST, { [HERE]: engine });
  using workspace = await site.open();
  const { volumes, failed } = await inventory(workspace, site.tools);
  assert.deepEqual(
    volumes.map(({ context, volume }) => `${context}/${volume}`),
    ["here/data", "here/wanted"],
  );
  assert.deepEqual(told(failed), [["dead", "engine.unreachable"]]);
  const plan = await planApply(workspace, { prune: false }, site.tools.signal);
  assert.deepEqual(
    plan.toCreate.map(({ target: { context, volume } }) => `${context}/${volume}`),
    ["here/wanted"],
  );
  assert.deepEqual(told(plan.failed), [["dead", "engine.unreachable"]]);
  await assert.rejects(planApply(workspace, { prune: true }, site.tools.signal), {
    code: "engine.unreachable",
  });
  const steps = await Array.fromAsync(recoverAll(workspace, { healthTimeoutMs: 0 }, site.tools));
  assert.deepEqual(
    steps.map(({ kind }) => kind),
    ["not asked"],
  );
});
