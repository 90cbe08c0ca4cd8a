import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineVolume } from "../engine/volumes.ts";
import type { VolumeSpec } from "../manifest/manifest.ts";
import { labelsFor } from "./identifier.ts";
import { planVolumes } from "./plan.ts";

const ours = { "io.dockform.identifier": "home" };

function spec(name: string, overrides: Partial<VolumeSpec> = {}): VolumeSpec {
  return { name, driver: "local", driverOpts: {}, labels: {}, declaredBy: "volumes", ...overrides };
}

function existing(name: string, overrides: Partial<EngineVolume> = {}): EngineVolume {
  const mountpoint = `/v/${name}`;
  return { name, driver: "local", driverOpts: {}, labels: ours, mountpoint, ...overrides };
}

function plan(
  specs: readonly VolumeSpec[],
  volumes: readonly EngineVolume[],
): ReturnType<typeof planVolumes> {
  return planVolumes(new Map(specs.map((each) => [each.name, each])), volumes, "home");
}

test("what is declared and missing is created, what is there is kept", () => {
  const missing = spec("b");
  assert.deepEqual(plan([spec("a"), missing], [existing("a")]), [
    { action: "keep", name: "a", remark: undefined },
    { action: "create", name: "b", spec: missing },
  ]);
});

test("another driver, option or declared label is drift", () => {
  const declared = spec("a", { driverOpts: { type: "nfs" }, labels: { tier: "gold" } });
  const [planned] = plan([declared], [existing("a", { driver: "other", driverOpts: { o: "x" } })]);
  assert.deepEqual(planned, {
    action: "drift",
    name: "a",
    differences: [
      'driver is "other", declared "local"',
      'option type is not set, declared "nfs"',
      'option o is "x", declared not set',
      'label tier is not set, declared "gold"',
    ],
  });
});

test("labels that others added are no drift", () => {
  const labels = { ...ours, "com.docker.compose.project": "x" };
  assert.equal(plan([spec("a")], [existing("a", { labels })])[0]?.action, "keep");
});

test("a volume of another identifier or of none is kept and said to be so", () => {
  const [foreign, plain] = plan(
    [spec("a"), spec("b")],
    [
      existing("a", { labels: { "io.dockform.identifier": "work" } }),
      existing("b", { labels: {} }),
    ],
  );
  assert.match(JSON.stringify(foreign), /belongs to work/);
  assert.match(JSON.stringify(plain), /made by something else/);
});

test("only volumes with this identifier are orphans", () => {
  const volumes = [existing("mine"), existing("other", { labels: {} })];
  assert.deepEqual(plan([], volumes), [{ action: "orphan", name: "mine" }]);
});

test("a volume that another context declares is no orphan: both may be one engine", () => {
  const volumes = [existing("here"), existing("elsewhere")];
  const planned = planVolumes(new Map(), volumes, "home", new Set(["elsewhere"]));
  assert.deepEqual(planned, [{ action: "orphan", name: "here" }]);
});

test("the identifier's label wins over a declared one", () => {
  const declared = spec("a", { labels: { "io.dockform.identifier": "forged", tier: "gold" } });
  assert.deepEqual(labelsFor(declared, "home"), { tier: "gold", ...ours });
});
