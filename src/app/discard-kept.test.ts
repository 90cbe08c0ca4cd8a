import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { fakeTarget, fakeTools } from "../../test/fakes/surroundings.ts";
import { discardKeptContents } from "./discard-kept.ts";

const refusal = new Error("no");
const confirm = (): Promise<void> => Promise.reject(refusal);

test("nobody is asked about a volume that is not there, or not declared", async () => {
  const engine = new FakeEngine();
  engine.createVolume("data");
  const discard = (volume: string, undeclared: boolean): Promise<unknown> => {
    const target = fakeTarget(new FakeClient(engine), volume);
    return discardKeptContents({ target, undeclared, confirm }, fakeTools());
  };
  await assert.rejects(discard("data", false), { code: "volume.undeclared" });
  await assert.rejects(discard("missing", true), { code: "restore.no-volume" });
  await assert.rejects(discard("data", true), refusal);
  assert.deepEqual(engine.ours, [], "a lock was taken before it was confirmed");
});
