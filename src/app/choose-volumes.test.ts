import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { DEFAULT_HOST, FakeSite } from "../../test/fakes/workspace.ts";
import { chooseVolumes, type VolumeChoice } from "./choose-volumes.ts";

const ANONYMOUS = "0123456789abcdef".repeat(4);
const never = { snapshot: { every: "never" } };

interface Chosen {
  readonly names: readonly string[];
  readonly leftOut: readonly string[];
}

async function chosen(site: FakeSite, choice: Partial<VolumeChoice>): Promise<Chosen> {
  using workspace = await site.open();
  const whole = { named: [], all: false, exclude: [], ...choice };
  const { targets, leftOut } = await chooseVolumes(workspace, whole, site.tools);
  return {
    names: targets.map(({ context, volume }) => `${context}/${volume}`),
    leftOut: leftOut.map(({ volume, why }) => `${volume}: ${why}`),
  };
}

function engineWith(...volumes: readonly string[]): FakeEngine {
  const engine = new FakeEngine();
  for (const volume of volumes) engine.createVolume(volume);
  return engine;
}

test("all are those that the manifest declares, without those that need no snapshot", async () => {
  const manifest = { identifier: "x", volumes: { data: {}, mail: {}, cache: never } };
  const engine = engineWith("data", "undeclared", ANONYMOUS);
  await using site = await FakeSite.create(manifest, { [DEFAULT_HOST]: engine });
  assert.deepEqual(await chosen(site, { all: true }), {
    // One that does not exist is not left out: its snapshot fails.
    names: ["default/data", "default/mail"],
    leftOut: ["cache: not wanted"],
  });
});

test("all are those of each context that the manifest names", async () => {
  const manifest = {
    contexts: {
      home: { host: "unix:///home.sock", volumes: { data: {} } },
      work: { host: "unix:///work.sock", volumes: { data: {} } },
    },
  };
  await using site = await FakeSite.create(manifest, {});
  assert.deepEqual((await chosen(site, { all: true })).names, ["home/data", "work/data"]);
  const { names, leftOut } = await chosen(site, { all: true, exclude: ["home/*"] });
  assert.deepEqual([names, leftOut], [["work/data"], ["data: excluded"]]);
});

test("without a manifest all are those that the engine has, but for anonymous ones and a drill's", async () => {
  const engine = engineWith("data", "mail", ANONYMOUS, "dockform-throwaway-0123456789ab");
  await using site = await FakeSite.create(undefined, { [DEFAULT_HOST]: engine });
  assert.deepEqual(await chosen(site, { all: true }), {
    names: ["default/data", "default/mail"],
    leftOut: [`${ANONYMOUS}: anonymous`],
  });
});

test("a pattern describes declared and existing volumes; a name means itself", async () => {
  const manifest = { identifier: "x", volumes: { app_data: {}, app_cache: never } };
  const engine = engineWith("app_data", "app_undeclared", "mail", ANONYMOUS);
  await using site = await FakeSite.create(manifest, { [DEFAULT_HOST]: engine });
  assert.deepEqual((await chosen(site, { named: ["app_*", "unknown"] })).names, [
    "default/unknown",
    "default/app_cache",
    "default/app_data",
    "default/app_undeclared",
  ]);
  assert.deepEqual(await chosen(site, { named: ["*"], exclude: ["app_c*", "mail"] }), {
    names: ["default/app_data", "default/app_undeclared"],
    leftOut: [`${ANONYMOUS}: anonymous`, "app_cache: excluded", "mail: excluded"],
  });
  assert.deepEqual((await chosen(site, { named: [ANONYMOUS] })).names, [`default/${ANONYMOUS}`]);
});

test("a pattern that describes nothing is an error, with the volume that may have been meant", async () => {
  const engine = engineWith("paperless_data", "mail", ANONYMOUS);
  await using site = await FakeSite.create(undefined, { [DEFAULT_HOST]: engine });
  await assert.rejects(chosen(site, { named: ["mail", "paperles_*"] }), {
    code: "volume.no-match",
    message: 'no volume matches "paperles_*"; did you mean "paperless_data"?',
    data: { candidates: ["mail", "paperless_data"] },
  });
});

test("where all are none, the error says whether there is none or none is declared", async () => {
  const empty = { identifier: "x", volumes: {} };
  for (const [manifest, message] of [
    [empty, /: none is declared$/],
    [undefined, /: there is none$/],
  ] as const) {
    await using site = await FakeSite.create(manifest, { [DEFAULT_HOST]: engineWith() });
    await assert.rejects(chosen(site, { all: true }), { code: "volume.no-match", message });
  }
});

test("nothing to work on is an error, whatever the reason", async () => {
  await using site = await FakeSite.create(undefined, { [DEFAULT_HOST]: engineWith(ANONYMOUS) });
  const all = { code: "volume.no-match", message: /: all are left out$/ };
  await assert.rejects(chosen(site, { all: true }), all);
  await assert.rejects(chosen(site, { named: ["data"], exclude: ["data"] }), all);
  await assert.rejects(chosen(site, {}), { code: "command.nothing-named" });
  await assert.rejects(chosen(site, { named: ["data"], all: true }), {
    code: "command.options-conflict",
  });
});

test("what is left out and is not there is said, and stops nothing", async () => {
  const engine = engineWith("paperless_cache", "mail");
  await using site = await FakeSite.create(undefined, { [DEFAULT_HOST]: engine });
  const { names } = await chosen(site, { all: true, exclude: ["paperless_cahe"] });
  assert.deepEqual(names, ["default/mail", "default/paperless_cache"]);
  assert.deepEqual(site.tools.log.warnings, [
    '"paperless_cahe" is to be left out, and matches no volume; did you mean "paperless_cache"?',
  ]);
});
