import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { FakeSite } from "../../test/fakes/workspace.ts";
import { destroyVolumes, volumesToDestroy } from "./destroy.ts";

const HOME = "unix:///home.sock";
const WORK = "unix:///work.sock";
const manifest = {
  identifier: "mine",
  contexts: {
    home: { host: HOME, volumes: { data: {} } },
    work: { host: WORK, volumes: { data: {} } },
  },
};
const ours = { labels: { "io.dockform.identifier": "mine" } };

function engineWith(...names: readonly string[]): FakeEngine {
  const engine = new FakeEngine();
  for (const name of names) engine.createVolume(name, ours);
  engine.createVolume("foreign");
  return engine;
}

async function found(site: FakeSite): Promise<readonly string[]> {
  using workspace = await site.open();
  const targets = await volumesToDestroy(workspace, site.tools.signal);
  return targets.map(({ context, volume }) => `${context}/${volume}`);
}

test("a volume of one engine that two contexts lead to is there once", async () => {
  const engine = engineWith("data");
  await using site = await FakeSite.create(manifest, { [HOME]: engine, [WORK]: engine });
  assert.deepEqual(await found(site), ["work/data"]);
});

test("volumes of one name in two engines are two; those without the label are left alone", async () => {
  await using site = await FakeSite.create(manifest, {
    [HOME]: engineWith("data", "former"),
    [WORK]: engineWith("data"),
  });
  assert.deepEqual(await found(site), ["home/data", "home/former", "work/data"]);
});

test("each volume is told of once it is removed, and what comes after it is still there", async () => {
  const engine = engineWith("a", "b");
  await using site = await FakeSite.create(manifest, { [HOME]: engine, [WORK]: engine });
  using workspace = await site.open();
  const { tools } = site;
  const targets = await volumesToDestroy(workspace, tools.signal);
  let asked = 0;
  const confirm = async (): Promise<void> => {
    asked += 1;
    assert.equal(engine.volumes.size, 3);
  };
  const left: unknown[] = [];
  for await (const { volume } of destroyVolumes(targets, { snapshot: false, confirm }, tools)) {
    left.push([volume, [...engine.volumes.keys()]]);
  }
  assert.deepEqual(left, [
    ["a", ["b", "foreign"]],
    ["b", ["foreign"]],
  ]);
  assert.equal(asked, 1);
});
