import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { contentsOf } from "../../test/fakes/contents.ts";
import { House } from "../../test/fakes/house.ts";
import { fakeTarget } from "../../test/fakes/surroundings.ts";
import { DockformError } from "../errors.ts";
import { reasonsOf } from "./refusals.ts";
import { restore, assertUntouched, assertFails } from "../../test/fakes/restoring.ts";

test("a dry run makes the checks and touches nothing", async () => {
  const house = await House.build();
  house.user("app");
  const users = house.users();
  const startedAt = house.engine.container("app").startedAt;
  const report = await restore(house, { dryRun: true });
  assert.equal(report.dryRun, true);
  assertUntouched(house, users);
  assert.equal(house.engine.container("app").startedAt, startedAt);
  assert.ok(!house.contents.asked.includes("extract"));
});

test("what is not asked for is refused, before anything is touched", async () => {
  const house = await House.build();
  house.user("app");
  await assertFails(house, "volume.undeclared", /is not defined in manifest/, {
    undeclared: false,
  });
  await assertFails(house, "volume.not-empty", /is not empty/, { force: false });
  await assertFails(house, "volume.in-use", /: app, running$/, { stopContainers: false });
  await assertFails(house, "restore.unknown-origin", /no sidecar to say/, { fromVolume: "other" });
  await assertFails(house, "archive.not-found", /does not exist/, { archivePath: "/none.tar" });
  await assertFails(house, "snapshot.not-a-snapshot", /is not a snapshot/, { archivePath: "/x" });
  house.disk.facts = { mounted: "inside" };
  await assertFails(house, "volume.mount-inside", /inside in volume "data"/);
  house.disk.facts = { missing_tool: "setfacl" };
  await assertFails(house, "volume.root-attributes", /has no setfacl/);
  house.disk.facts = { unfinished_0123456789ab: "new" };
  await assertFails(house, "volume.interrupted", /was interrupted/);
  house.disk.facts = { first_entry: "" };
  await restore(house, { force: false });
  assert.equal(house.inPlace, "new", "an empty volume takes no force");
});

test("a volume that is not declared is told with the declared one that may be meant, or that there is no manifest", async () => {
  const house = await House.build();
  const target = fakeTarget(new FakeClient(house.engine), "dta");
  const restoring = (declaredVolumes: readonly string[] | undefined): Promise<unknown> =>
    restore(house, { target: { ...target, declaredVolumes }, undeclared: false });
  await assert.rejects(restoring(["data", "mail"]), {
    message: 'volume "dta" is not defined in manifest for context "default"; did you mean "data"?',
    advice: [{ code: "declare-volume" }, { code: "create-from-snapshot", when: "missing" }],
  });
  await assert.rejects(restoring(undefined), {
    code: "volume.undeclared",
    message: 'there is no manifest, so volume "dta" is not declared',
    advice: [{ code: "manifest-or-undeclared" }, { code: "create-from-snapshot", when: "missing" }],
  });
});

test("a volume that exists and is not declared is not said to be created", async () => {
  const house = await House.build();
  const target = { ...house.target(), declaredVolumes: [] };
  await assert.rejects(restore(house, { target, undeclared: false, force: true }), {
    code: "volume.undeclared",
    advice: [{ code: "declare-volume" }, { code: "go-on", allow: [{ what: "undeclared volume" }] }],
  });
});

test("a volume that is missing is refused, and a hint says how it can be had", async () => {
  const house = await House.build();
  const target = { ...fakeTarget(new FakeClient(house.engine), "none"), store: house.store };
  await assert.rejects(restore(house, { target }), {
    code: "restore.no-volume",
    advice: [{ code: "create-or-declare" }, { code: "create-from-snapshot", when: "otherwise" }],
  });
  const declared = { ...target, declared: true };
  await assert.rejects(restore(house, { target: declared }), {
    advice: [{ code: "apply" }, { code: "create-from-snapshot", when: "otherwise" }],
  });
});

test("an archive without files is refused, unless that is asked for", async () => {
  const house = await House.build();
  const archivePath = "/memory/empty.tar";
  house.store.loose.set(archivePath, await contentsOf(""));
  await assertFails(house, "archive.empty", /holds no files/, { archivePath });
  await restore(house, { archivePath, forceEmpty: true });
  assert.equal(house.inPlace, "neither");
});

test("what is kept already is not pushed out by what may fail, and by nothing without a word", async () => {
  const house = await House.build();
  await restore(house, { keepPrevious: true });
  const failing = restore(house, { keepFailed: true });
  await assert.rejects(failing, { code: "volume.keeps-contents", message: /since 2026-01-02/ });
  const again = restore(house, { keepPrevious: true });
  await assert.rejects(again, { code: "volume.keeps-contents", kind: "refused" });
  assert.deepEqual([house.inPlace, house.kept], ["new", "old"], "nothing was touched");
  await restore(house, { keepPrevious: true, discardKept: true });
  assert.match(
    house.tools.log.warnings.join(),
    /keeps \(contents since 2026-01-02T03:04:05Z\) is removed once/,
  );
  assert.equal(house.kept, "new");
});

const WITHOUT_FLAGS = { force: false, stopContainers: false, undeclared: false } as const;

test("what can be allowed is refused at once, and nothing is written to the volume", async () => {
  const house = await House.build();
  house.user("app");
  const refused = restore(house, WITHOUT_FLAGS);
  await assert.rejects(refused, {
    code: "restore.refused",
    kind: "refused",
    message:
      /for 3 reasons: .* not defined in manifest.*; volume "data" is not empty; containers are using .*app, running/,
    advice: [
      {
        code: "go-on",
        allow: [
          { what: "undeclared volume" },
          { what: "replace contents" },
          { what: "stop containers" },
        ],
      },
    ],
  });
  const error: unknown = await refused.catch((thrown: unknown) => thrown);
  assert.ok(error instanceof DockformError);
  assert.deepEqual(
    reasonsOf(error).map(({ code }) => code),
    ["volume.undeclared", "volume.not-empty", "volume.in-use"],
  );
  assert.ok(Array.isArray(error.data["refusals"]));
  assert.deepEqual(error.data["containers"], ["app"]);
  assert.deepEqual(house.left(), []);
  assert.equal(house.inPlace, "old");
});

test("what cannot be allowed is told together with what can", async () => {
  const house = await House.build();
  house.disk.facts = { mounted: "inside" };
  await assert.rejects(restore(house, { force: false }), {
    code: "restore.refused",
    message: /for 2 reasons: .* is not empty; inside in volume "data" is another/,
    hint: /Unmount it first/,
  });
  await assert.rejects(restore(house), { code: "volume.mount-inside" });
});

test("a dry run shows the whole plan, and what has to be allowed for it", async () => {
  const house = await House.build();
  house.user("app");
  house.user("idle", "created");
  const { plan, declared } = await restore(house, { ...WITHOUT_FLAGS, dryRun: true });
  const { refusal, ...steps } = plan;
  assert.equal(refusal?.code, "restore.refused");
  const expected = {
    replacesContents: true,
    inPlace: false,
    stops: ["app"],
    oldContents: "removed",
    keptBefore: undefined,
  };
  assert.deepEqual([steps, declared], [expected, false]);
  assert.deepEqual(house.left(), []);
  const allowed = await restore(house, { dryRun: true });
  assert.deepEqual(allowed.plan, { ...expected, refusal: undefined });
  await restore(house, { keepPrevious: true });
  const again = await restore(house, { dryRun: true, keepPrevious: true });
  assert.equal(again.plan.refusal?.code, "volume.keeps-contents");
  assert.deepEqual(again.plan.keptBefore, { keptAt: "2026-01-02T03:04:05Z", removed: true });
  assert.equal(again.plan.oldContents, "kept");
});

test("what cannot be renamed is refused, with what would help", async () => {
  const obstacle = (unmovable: string) => async (): Promise<House> => {
    const house = await House.build();
    const facts = { unmovable, file_system_type: "fuse.mergerfs" };
    house.contents.instead.set("probe", () => ({ facts }));
    return house;
  };
  for (const [unmovable, message, what, more] of [
    ["1 file", /immutable/, { hint: /chattr -i/ }, {}],
    ["30 file", /read-only/, { hint: /btrfs property/ }, {}],
    ["5 .", /folders in volume "data".*error 5/, { hint: /Check the file system/ }, {}],
    [
      "18 file",
      /\(fuse\.mergerfs\) does not move it/,
      { advice: [{ code: "restore-in-place", why: "immovable" }] },
      {},
    ],
    [
      "18 file",
      /does not move it/,
      { advice: [{ code: "extract-and-copy" }] },
      { paths: ["file"] },
    ],
    [
      "18 file",
      /does not move it/,
      { advice: [{ code: "keep-nothing" }] },
      { inPlace: true, keepPrevious: true },
    ],
  ] as const) {
    const house = await obstacle(unmovable)();
    await assert.rejects(restore(house, more), { code: "volume.immovable", message, ...what });
    assertUntouched(house, []);
  }
  const broken = await House.build();
  broken.contents.instead.set("probe", () => ({ status: 1, messages: ["Read-only file system"] }));
  await assertFails(broken, "volume.unwritable", /cannot write to the volume: Read-only/);
});
