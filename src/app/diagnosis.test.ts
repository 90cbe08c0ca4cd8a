import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { putOperation } from "../../test/fakes/operations.ts";
import { DEFAULT_HOST, FakeSite } from "../../test/fakes/workspace.ts";
import { diagnose, type Diagnosis } from "./diagnosis.ts";

const manifest = { identifier: "home", volumes: { data: { snapshot: { every: "24h" } } } };

async function diagnosis(text: unknown, engine?: FakeEngine): Promise<Diagnosis> {
  const engines = engine === undefined ? {} : { [DEFAULT_HOST]: engine };
  await using site = await FakeSite.create(text, engines);
  return await diagnose(() => site.open(), site.tools);
}

function summary({ findings }: Diagnosis): readonly string[] {
  return findings.map(({ status, kind }) => `${status}: ${kind}`);
}

test("each thing that a snapshot needs has its finding, in the order in which it is needed", async () => {
  const found = await diagnosis(manifest, new FakeEngine());
  assert.deepEqual(summary(found), [
    "ok: manifest",
    "ok: context",
    "ok: engine",
    "ok: API version",
    "ok: helper image",
    "ok: space",
    "ok: snapshots",
    "warning: snapshots wanted",
  ]);
  assert.deepEqual(
    found.freshness.map(({ volume, state }) => [volume, state]),
    [["data", "missing"]],
  );
});

test("a manifest that is not valid is the one finding; none at all is a warning", async () => {
  const broken = await diagnosis("volumes: [");
  assert.deepEqual(summary(broken), ["failed: cannot check"]);
  assert.deepEqual(broken.freshness, []);
  const [first] = summary(await diagnosis(undefined, new FakeEngine()));
  assert.equal(first, "warning: no manifest");
});

test("without an engine the manifest, the room and the snapshots are still looked at", async () => {
  const found = await diagnosis(manifest);
  assert.deepEqual(summary(found), [
    "ok: manifest",
    "ok: context",
    "failed: cannot check",
    "ok: space",
    "ok: snapshots",
    "warning: snapshots wanted",
  ]);
  const failed = found.findings.find(({ status }) => status === "failed");
  assert.equal(failed?.kind === "cannot check" && failed.check, "engine");
});

test("where it cannot be found out how much room there is, the snapshots are still looked at", async () => {
  await using site = await FakeSite.create(manifest, { [DEFAULT_HOST]: new FakeEngine() });
  const found = await diagnose(async () => {
    const workspace = await site.open();
    const contexts = await workspace.contexts();
    const room = (): Promise<never> => Promise.reject(new Error("input/output error"));
    workspace.contexts = () =>
      Promise.resolve(
        contexts.map((each) => ({
          ...each,
          store: Object.create(each.store, { room: { value: room } }),
        })),
      );
    return workspace;
  }, site.tools);
  assert.deepEqual(summary(found), [
    "ok: manifest",
    "failed: cannot check",
    "ok: snapshots",
    "warning: snapshots wanted",
  ]);
});

test("of operations those that are at work are all right, and all others are told once a volume", async () => {
  const engine = new FakeEngine();
  for (const name of ["busy", "cut", "early"]) engine.createVolume(name);
  putOperation(engine, "busy", "running");
  putOperation(engine, "cut", "exited");
  putOperation(engine, "early", "created");
  putOperation(engine, "gone", "exited");
  const { findings } = await diagnosis(undefined, engine);
  const remnants = findings.flatMap((each) => {
    const about = `${each.status}: ${each.kind}`;
    if (each.kind === "not begun") return `${about}: ${each.operation.volume}`;
    const isOfVolume = each.kind === "volume gone" || each.kind === "interrupted";
    return isOfVolume ? `${about}: ${each.volume}` : [];
  });
  assert.deepEqual(remnants.toSorted(), [
    "failed: interrupted: cut",
    "warning: not begun: early",
    "warning: volume gone: gone",
  ]);
});
