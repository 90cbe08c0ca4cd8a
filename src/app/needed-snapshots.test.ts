import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { MemoryStore } from "../../test/fakes/memory-store.ts";
import { putOperation } from "../../test/fakes/operations.ts";
import { putSnapshot } from "../../test/fakes/stored.ts";
import { DEFAULT_HOST, FakeSite } from "../../test/fakes/workspace.ts";
import { SAFETY_NOTE, type Sidecar } from "../snapshot/sidecar.ts";
import { refuseNeeded } from "./needed-snapshots.ts";

/** Asks whether a snapshot of "data" is still needed; returns what was warned of. */
async function ask(fields: Partial<Sidecar>, engine?: FakeEngine): Promise<readonly string[]> {
  const engines = engine === undefined ? {} : { [DEFAULT_HOST]: engine };
  await using site = await FakeSite.create(undefined, engines);
  using workspace = await site.open();
  const store = new MemoryStore();
  const here = { context: undefined, volume: "data" };
  const snapshot = putSnapshot(store, here, "2026-11-23T12:00:00Z", fields);
  const described = { ...(await store.describe(snapshot)), store };
  await refuseNeeded(workspace, [described], site.tools);
  return site.tools.log.warnings;
}

function engineWith(state: "running" | "exited", volume = "data"): FakeEngine {
  const engine = new FakeEngine();
  engine.createVolume(volume);
  putOperation(engine, volume, state);
  return engine;
}

test("what a restore in place saved is not removed while that restore is at work, or was cut short", async () => {
  const refusal = { code: "snapshot.still-needed", kind: "refused" };
  for (const saved of [{ purpose: "safety" }, { notes: SAFETY_NOTE }]) {
    await assert.rejects(ask(saved, engineWith("exited")), {
      ...refusal,
      message: /the only copy of what volume "data" held: restore by another.*was interrupted$/,
      advice: [{ code: "recover", volume: "data", when: "interrupted" }],
    });
    await assert.rejects(ask(saved, engineWith("running")), {
      ...refusal,
      message: /is working on it$/,
    });
    assert.deepEqual(await ask(saved, engineWith("exited", "other")), []);
    assert.deepEqual(await ask(saved, new FakeEngine()), []);
  }
});

test("any other snapshot can be removed, and asks no engine", async () => {
  assert.deepEqual(await ask({}, engineWith("exited")), []);
  assert.deepEqual(await ask({}), []);
});

test("where the engine cannot be asked that is said, and the snapshot can be removed", async () => {
  const [warning, ...others] = await ask({ purpose: "safety" });
  assert.match(warning ?? "", /^cannot tell whether a restore still needs /);
  assert.deepEqual(others, []);
});
