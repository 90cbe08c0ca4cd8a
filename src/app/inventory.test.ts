import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { putOperation } from "../../test/fakes/operations.ts";
import { inFastTime } from "../../test/fakes/time.ts";
import { DEFAULT_HOST, FakeSite } from "../../test/fakes/workspace.ts";
import { EngineApiError } from "../engine/client.ts";
import { volumeSizes } from "../engine/volumes.ts";
import { inventory } from "./inventory.ts";

test("volumes that are declared, or that the engine has, are listed once each, by name", async () => {
  const engine = new FakeEngine();
  for (const name of ["mail", "data"]) engine.createVolume(name);
  const user = engine.createContainer("app", {
    Image: "app:1",
    HostConfig: { Mounts: [{ Type: "volume", Source: "data", Target: "/data" }] },
  });
  engine.startContainer(user.id);
  const manifest = { identifier: "home", volumes: { data: {}, wanted: {} } };
  await using site = await FakeSite.create(manifest, { [DEFAULT_HOST]: engine });
  using workspace = await site.open();
  const { volumes } = await inventory(workspace, site.tools);
  assert.deepEqual(
    volumes.map((each) => [each.volume, each.declared, each.exists, each.sizeBytes]),
    [
      ["data", true, true, 1000],
      ["mail", false, true, 1000],
      ["wanted", true, false, undefined],
    ],
  );
  assert.deepEqual(volumes[0]?.containers, [{ name: "app", state: "running" }]);
  assert.deepEqual(volumes[1]?.containers, []);
});

const OTHERS_TURN = new EngineApiError(500, "a disk usage operation is already running");

test("volumes are listed beside somebody else who lists them", async (t) => {
  const engine = new FakeEngine();
  engine.createVolume("data");
  const client = new FakeClient(engine);
  client.failNext(/system\/df/, OTHERS_TURN, OTHERS_TURN);
  await inFastTime(t, async () => {
    assert.equal((await volumeSizes(client)).get("data"), 1000);
  });
  client.failNext(/system\/df/, ...Array.from({ length: 1000 }, () => OTHERS_TURN));
  await inFastTime(t, async () => {
    assert.equal((await volumeSizes(client)).size, 0, "not known");
  });
});

test("a volume is interrupted where an operation on it was cut short, not where one is at work", async () => {
  const engine = new FakeEngine();
  for (const name of ["busy", "cut"]) engine.createVolume(name);
  putOperation(engine, "busy", "running");
  putOperation(engine, "cut", "exited");
  await using site = await FakeSite.create(undefined, { [DEFAULT_HOST]: engine });
  using workspace = await site.open();
  const { volumes } = await inventory(workspace, site.tools);
  assert.deepEqual(
    volumes.map(({ volume, interrupted }) => [volume, interrupted]),
    [
      ["busy", false],
      ["cut", true],
    ],
  );
});
