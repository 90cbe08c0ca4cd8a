import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { DEFAULT_HOST, FakeSite } from "../../test/fakes/workspace.ts";
import { DockformError } from "../errors.ts";
import { restoreNamed, type RestoreOrder } from "./restore-volume.ts";

const manifest = { identifier: "home", volumes: { data: {}, missing: {} } };

/** The code of an error, or the error itself, where it is none of ours. */
async function refusal(order: Partial<RestoreOrder>): Promise<unknown> {
  const error = await failure(order);
  return error instanceof DockformError ? error.code : error;
}

async function failure(order: Partial<RestoreOrder>): Promise<unknown> {
  const engine = new FakeEngine();
  for (const name of ["data", "foreign"]) engine.createVolume(name);
  await using site = await FakeSite.create(manifest, { [DEFAULT_HOST]: engine });
  using workspace = await site.open();
  const whole: RestoreOrder = {
    volume: "data",
    snapshot: "latest",
    path: [],
    stripComponents: undefined,
    from: undefined,
    fromVolume: undefined,
    without: [],
    strictAttributes: false,
    undeclared: false,
    create: false,
    force: false,
    stopContainers: false,
    dryRun: false,
    keepPrevious: false,
    keepFailed: false,
    discardKept: false,
    verify: false,
    inPlace: false,
    forceEmpty: false,
    healthTimeoutMs: 0,
    ...order,
  };
  try {
    await restoreNamed(workspace, whole, site.tools);
  } catch (error) {
    return error;
  }
  return undefined;
}

test("what is wrong with the volume is said before what is wrong with the snapshot", async () => {
  assert.equal(await refusal({}), "snapshot.not-found");
  assert.equal(await refusal({ volume: "foreign" }), "volume.undeclared");
  assert.equal(await refusal({ volume: "missing" }), "restore.no-volume");
  assert.equal(await refusal({ volume: "missing", create: true }), "snapshot.not-found");
});

test("nothing that needs a snapshot is advised where there is none", async () => {
  for (const volume of ["foreign", "missing", "unknown"]) {
    const error = await failure({ volume });
    assert.ok(error instanceof DockformError);
    const codes = error.advice.map(({ code }) => code);
    assert.deepEqual(codes, [volume === "missing" ? "apply" : "declare-volume"], volume);
  }
});

test("a path that is empty does not stand for everything", async () => {
  assert.equal(await refusal({ path: ["a", ""] }), "archive.path-invalid");
  assert.equal(await refusal({ from: "" }), "archive.path-invalid");
});

test("one folder is restored: by its name or its depth", async () => {
  assert.equal(await refusal({ from: "a", stripComponents: 0 }), "command.options-conflict");
});

test("a part of a volume is not kept, nor put in place where there is no room for both", async () => {
  for (const option of ["keepPrevious", "keepFailed", "inPlace"]) {
    assert.equal(await refusal({ path: ["a"], [option]: true }), "command.options-conflict");
  }
  assert.equal(
    await refusal({ strictAttributes: true, without: ["attributes"] }),
    "command.options-conflict",
  );
});
