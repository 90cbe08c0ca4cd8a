import assert from "node:assert/strict";
import { test } from "node:test";
import { testEngine } from "../engine/test-engine.ts";
import { Sandbox } from "./harness.ts";

const engine = await testEngine();

test("a volume of files comes back into another", { skip: engine.skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const from = await sandbox.volume("from");
  const into = await sandbox.volume("into");
  await sandbox.declare(from.name, into.name);
  const snapshot = await sandbox.dockform(["volume", "snapshot", from.name, "--json"]);
  assert.equal(snapshot.code, 0, snapshot.stderr);
  const [{ archive }] = JSON.parse(snapshot.stdout).snapshots;
  const restore = await sandbox.dockform(["volume", "restore", into.name, archive]);
  assert.equal(restore.code, 0, restore.stderr);
});
