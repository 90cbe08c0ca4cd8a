import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { contentsOf, FakeDisk } from "../../test/fakes/contents.ts";
import type { FakeReply } from "../../test/fakes/helper.ts";
import { House } from "../../test/fakes/house.ts";
import { fakeTarget } from "../../test/fakes/surroundings.ts";
import { inFastTime } from "../../test/fakes/time.ts";
import { DockformError, type ErrorCode } from "../errors.ts";
import { pathWord } from "../helper/words.ts";
import { FolderStore } from "../store/folder/folder-store.ts";
import { reasonsOf } from "./refusals.ts";
import { recoverVolume } from "./recover.ts";
import type { RestoreReport, RestoreRequest } from "./request.ts";
import { restoreVolume } from "./restore.ts";
import { undoVolume } from "./undo.ts";

function restore(house: House, more: Partial<RestoreRequest> = {}): Promise<RestoreReport> {
  return restoreVolume(house.request(more), house.tools);
}

function recover(house: House, healthTimeoutMs = 0): ReturnType<typeof recoverVolume> {
  return recoverVolume({ target: house.target(), healthTimeoutMs }, house.tools);
}

/** Whatever was refused or failed: old contents, containers as they were, and nothing left. */
function assertUntouched(house: House, users: readonly string[]): void {
  assert.equal(house.inPlace, "old");
  assert.deepEqual(house.users(), users);
  assert.deepEqual(house.left(), []);
  assert.deepEqual([...house.disk.stagings], []);
}

async function assertFails(
  house: House,
  code: ErrorCode,
  message: RegExp,
  more: Partial<RestoreRequest> = {},
): Promise<void> {
  const users = house.users();
  await assert.rejects(restore(house, more), { code, message });
  assertUntouched(house, users);
}

test("new contents take the place of old ones, and containers run again", async () => {
  const house = await House.build();
  house.user("app", "running", { restart: "always" });
  house.user("paused", "paused");
  house.user("at rest", "created");
  const before = house.users();
  const report = await restore(house);
  assert.equal(house.inPlace, "new");
  assert.equal(house.kept, "nothing");
  assert.deepEqual(house.users(), before);
  assert.deepEqual(house.left(), []);
  assert.deepEqual([...house.disk.stagings], []);
  assert.deepEqual(
    report.containers.map(({ name, outcome }) => [name, outcome]),
    [
      ["app", "started"],
      ["paused", "started"],
    ],
  );
  const { checkedBy, createdVolume, keptPrevious, dryRun, entries } = report;
  assert.deepEqual(
    { checkedBy, createdVolume, keptPrevious, dryRun, entries },
    { checkedBy: "reading", createdVolume: false, keptPrevious: false, dryRun: false, entries: 2 },
  );
  assert.match(house.tools.log.warnings.join(), /has no sidecar/);
});

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

test("the phases of a restore are told as they begin, with the volume", async () => {
  const house = await House.build();
  house.user("app", "running");
  await restore(house, { verify: true });
  assert.deepEqual(
    house.tools.events.map(({ phase }) => phase),
    ["check", "extract", "verify", "stop", "swap", "start", "health", "clean-up"],
  );
  for (const { volumes } of house.tools.events) assert.deepEqual(volumes, ["data"]);
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

test("what a restore replaces is kept, undone, and undone again", async () => {
  const house = await House.build();
  house.user("app");
  assert.equal((await restore(house, { keepPrevious: true })).keptPrevious, true);
  assert.deepEqual([house.inPlace, house.kept], ["new", "old"]);
  assert.deepEqual(house.left(), ["dockform-kept-contents-data"]);
  const undo = (): ReturnType<typeof undoVolume> =>
    undoVolume(
      { target: house.target(), undeclared: true, stopContainers: true, healthTimeoutMs: 0 },
      house.tools,
    );
  assert.equal((await undo()).returned.replaced_by, "/memory/new.tar");
  assert.deepEqual([house.inPlace, house.kept], ["old", "new"]);
  await undo();
  assert.deepEqual([house.inPlace, house.kept], ["new", "old"]);
  assert.deepEqual(house.left(), ["dockform-kept-contents-data"]);
  assert.equal(house.engine.container("app").state, "running");
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

test("where containers are not healthy the old contents come back, and the new ones go, or are kept", async (t) => {
  for (const keepFailed of [false, true]) {
    const house = await House.build();
    house.user("app", "running", { health: "unhealthy" });
    const users = house.users();
    await inFastTime(t, () =>
      assert.rejects(restore(house, { healthTimeoutMs: 60_000, keepFailed }), {
        code: "restore.unhealthy",
        message: /app: unhealthy/,
        advice: [
          { code: "more-health-time" },
          keepFailed
            ? { code: "undo-to-new", volumes: [{ volume: "data", declared: false }] }
            : { code: "keep-failed" },
        ],
      }),
    );
    assert.equal(house.inPlace, "old");
    assert.equal(house.kept, keepFailed ? "new" : "nothing");
    assert.deepEqual(house.users(), users);
    assert.deepEqual(house.left(), keepFailed ? ["dockform-kept-contents-data"] : []);
  }
});

test("a container that does not start is not well, and its problem is said", async (t) => {
  const house = await House.build();
  const { id } = house.user("app");
  const client = new FakeClient(house.engine);
  client.failNext(new RegExp(`${id}/start`), 500, 500);
  await inFastTime(t, () =>
    assert.rejects(
      restoreVolume(house.request({ healthTimeoutMs: 60_000 }, client), house.tools),
      /app: not started: .*told to fail/,
    ),
  );
  assertUntouched(house, ["app running no"]);
});

test("an interruption of the watch puts the old contents back, and is the error", async (t) => {
  const house = await House.build();
  house.user("app", "running", { health: "starting" });
  const interruption = new AbortController();
  const tools = { ...house.tools, signal: interruption.signal };
  await inFastTime(t, async () => {
    const restoring = restoreVolume(house.request({ healthTimeoutMs: 60_000 }), tools);
    setTimeout(() => interruption.abort(new Error("enough")), 20_000);
    await assert.rejects(restoring);
  });
  assertUntouched(house, ["app running no"]);
});

test("where the new contents cannot be renamed they stay, and the old ones are kept", async (t) => {
  for (const keeps of [true, false]) {
    const house = await House.build();
    house.user("app", "running", { health: "unhealthy" });
    house.contents.instead.set("swap_back", () => ({ facts: { stays: "", swapped: "" } }));
    if (!keeps) house.contents.instead.set("keep", () => ({ status: 1 }));
    await inFastTime(t, () =>
      assert.rejects(restore(house, { healthTimeoutMs: 60_000 }), {
        code: "restore.unhealthy",
        hint: keeps ? /kept in its folder \.dockform-kept/ : /still in it, in its folder/,
      }),
    );
    assert.equal(house.inPlace, "new");
    assert.equal(house.kept, keeps ? "old" : "nothing");
    assert.equal(house.engine.container("app").state, "running");
  }
});

test("a swap that the helper took back leaves everything as it was", async () => {
  const house = await House.build();
  house.user("app", "running", { restart: "always" });
  const message = "mv: cannot move";
  house.contents.instead.set("swap", () => ({
    status: 1,
    facts: { swapped_back: "", unmovable: "18 file" },
    messages: [message],
  }));
  await assertFails(house, "restore.swap-failed", /could not be put in place: mv: cannot move/);
  await assert.rejects(restore(house), {
    advice: [{ code: "restore-in-place", why: "immovable-after-all" }],
  });
});

test("a volume between old and new keeps its containers stopped, until a recovery decides", async () => {
  for (const dies of [false, true]) {
    const house = await House.build();
    house.user("app", "running", { restart: "always" });
    house.contents.instead.set("swap", ({ args }) => {
      house.contents.instead.delete("swap");
      house.disk.tear(args[0] ?? "");
      return { status: 1, messages: ["no space"] };
    });
    const client = new FakeClient(house.engine);
    await assert.rejects(restoreVolume(house.request({}, client), house.tools), {
      code: "restore.swap-undecided",
      message: /no space/,
      advice: [{ code: "recover", volume: "data", when: "mended" }],
    });
    if (dies) client.die();
    assert.deepEqual(house.users(), ["app exited no"]);
    assert.match(house.tools.log.warnings.join(), /left stopped: app/);
    await assert.rejects(restore(house), { code: "volume.interrupted" });
    const { contents, containers } = await recover(house);
    assert.equal(contents, "before");
    assert.equal(containers[0]?.outcome, "started");
    assertUntouched(house, ["app running always"]);
  }
});

const EXTRACTED = { tar_status: "0", zstd_status: "0", marked_end: "1", after_end: "0" };

test("an archive that does not come out as it was counted is not put in place", async () => {
  const cases: readonly (readonly [ErrorCode, RegExp, (reply: FakeReply) => FakeReply])[] = [
    [
      "restore.extract-failed",
      /tar: x: Cannot open: No space/,
      () => ({
        status: 0,
        facts: { ...EXTRACTED, tar_status: "2", entries: "2", blocks: "3" },
        messages: ["tar: x: Cannot open: No space left on device"],
      }),
    ],
    [
      "archive.damaged",
      /holds more than/,
      ({ facts }) => ({ facts: { ...facts, over_limit: "" } }),
    ],
    [
      "archive.damaged",
      /cut short/,
      ({ facts, messages = [] }) => ({
        facts: { ...facts, marked_end: "0" },
        messages,
      }),
    ],
    [
      "archive.damaged",
      /follows|after/,
      ({ facts, messages = [] }) => ({
        facts: { ...facts, after_end: "1" },
        messages,
      }),
    ],
    [
      "archive.damaged",
      /holds 7 entries and/,
      ({ facts, messages = [] }) => ({
        facts: { ...facts, entries: "7" },
        messages,
      }),
    ],
  ];
  for (const [code, message, change] of cases) {
    const house = await House.build();
    house.user("app");
    house.contents.instead.set("extract", async (call, real) => change(await real(call)));
    await assertFails(house, code, message);
    assert.equal(house.engine.container("app").startedAt, "2026-01-01T00:00:00.002Z");
  }
});

test("an archive that is another one by the time it is extracted is not put in place", async () => {
  const house = await House.build();
  const other = await contentsOf("NEW");
  const { store } = house;
  const open = store.open.bind(store);
  let reads = 0;
  store.open = async (path) => ({
    ...(await open(path)),
    async *chunks() {
      reads += 1;
      yield reads === 1 ? house.newContents : other;
    },
  });
  await assertFails(house, "archive.damaged", /not what was checked before/);
});

test("a name of ours in an archive is left out with a word", async () => {
  const house = await House.build();
  house.contents.instead.set("extract", async (call, real) => {
    const { facts, ...reply } = await real(call);
    return { ...reply, facts: { ...facts, left_out: ".dockform-kept" } };
  });
  await restore(house);
  assert.match(house.tools.log.warnings.join(), /left out \.dockform-kept of the archive/);
});

test("a container that begins to use the volume meanwhile ends the restore before the swap", async () => {
  const house = await House.build();
  house.user("app");
  const client = new FakeClient(house.engine);
  client.gate = (call, moment) => {
    if (moment === "answering" && call.endsWith("/stop")) {
      client.gate = () => {};
      house.user("other");
    }
  };
  await assert.rejects(restoreVolume(house.request({}, client), house.tools), {
    code: "restore.container-started",
    message: /^other began to use volume "data" during the restore/,
  });
  assertUntouched(house, ["app running no", "other running no"]);
});

test("one that somebody has started again ends the restore before the swap as well", async () => {
  const house = await House.build();
  const { id } = house.user("app");
  const client = new FakeClient(house.engine);
  client.gate = (call, moment) => {
    if (moment === "answering" && call.endsWith("/stop")) house.engine.startContainer(id);
  };
  await assert.rejects(restoreVolume(house.request({}, client), house.tools), {
    message: /^app was started again while the restore had it stopped/,
  });
  assertUntouched(house, ["app running no"]);
});

test("containers that were started during the swap are stopped again, or named", async () => {
  const house = await House.build();
  const { id } = house.user("app");
  house.contents.instead.set("swap", async (call, real) => {
    house.engine.startContainer(id);
    house.user("other");
    return real(call);
  });
  await restore(house);
  const warnings = house.tools.log.warnings.join("\n");
  assert.match(warnings, /^app was started during the swap: it is stopped and started again$/m);
  assert.match(warnings, /^other was started during the swap: restart it/m);
  assert.deepEqual(house.users(), ["app running no", "other running no"]);
});

test("what cannot be put away is left to a recovery, and said", async () => {
  const house = await House.build();
  house.contents.failOnce("conclude", "Input/output error");
  await restore(house);
  assert.match(
    house.tools.log.warnings.join("\n"),
    /cannot put away the old contents.*Input\/output/,
  );
  const before = house.inPlace;
  assert.equal((await recover(house)).contents, "after");
  assert.equal(house.inPlace, before);
  assert.deepEqual(house.left(), []);
});

test("what cannot be removed from the disk is remembered with what to do about it", async () => {
  const house = await House.build();
  house.contents.instead.set("conclude", async (call, real) => {
    const { facts } = await real(call);
    const left = { left_0123456789ab: "", aside: ".dockform-aside-0123456789ab/1/file" };
    return { status: 1, facts: { ...facts, ...left }, messages: ["rm: Operation not permitted"] };
  });
  await restore(house);
  assert.deepEqual(house.left(), ["dockform-set-aside-data", "dockform-leftover-data"]);
  const warnings = house.tools.log.warnings.join("\n");
  assert.match(warnings, /cannot remove the old contents .*\.dockform-trash-.*chattr/);
  assert.match(warnings, /set aside in its folder \.dockform-aside-0123456789ab\/1/);
});

test("some paths change places, and nothing else is looked at", async () => {
  const house = await House.build();
  const paths = ["file"];
  const word = pathWord("file");
  house.disk.paths.set(word, "there");
  await assertFails(house, "volume.path-taken", /holds file already/, { paths, force: false });
  house.disk.paths.set(word, "through");
  await assertFails(house, "volume.path-through-link", /the path to file leads/, { paths });
  house.disk.paths.set(word, "free");
  await assertFails(house, "archive.path-not-found", /no-such/, { paths: ["no-such"] });
  house.contents.failOnce("limit_to", "");
  await assertFails(house, "restore.paths-changed", /have changed in the meantime/, { paths });
  await restore(house, { paths, force: false });
  assert.ok(house.contents.asked.includes("limit_to"));
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

const NO_ROOM = "1 512 100000 200000 4000000";

test("without room for both a restore is refused, and allowed to clear the volume first", async () => {
  const house = await House.build();
  house.disk.facts = { space: NO_ROOM };
  await assertFails(house, "volume.no-room", /missing|more than/);
  const keep = { inPlace: true, keepPrevious: true };
  await assertFails(house, "volume.no-room-to-keep", /no room to keep/, keep);
});

test("in place the old contents go into a snapshot, and the new ones take their place", async () => {
  const house = await House.build();
  house.user("app");
  house.disk.facts = { space: NO_ROOM };
  await restore(house, { inPlace: true });
  assert.equal(house.inPlace, "new");
  assert.deepEqual(house.users(), ["app running no"]);
  assert.deepEqual(house.left(), []);
  assert.equal(house.store.kept.size, 1, "the old contents are in a snapshot");
});

/** In place, with snapshots in a folder: whoever brings contents back from one looks for its path. */
async function inPlaceWithFolder(
  house: House,
  more: Partial<RestoreRequest> = {},
): Promise<RestoreReport> {
  await using folder = await mkdtempDisposable(join(tmpdir(), "dockform-restore-"));
  const target = { ...house.target(), store: new FolderStore(folder.path) };
  house.disk.facts = { space: NO_ROOM };
  return await restore(house, { target, inPlace: true, ...more });
}

test("whatever fails after that brings the old contents back from the snapshot", async (t) => {
  const failing = await House.build();
  failing.user("app");
  failing.contents.instead.set("extract", () => {
    failing.contents.instead.delete("extract");
    const facts = { tar_status: "2", zstd_status: "0" };
    return { status: 1, facts, messages: ["tar: No space"] };
  });
  await assert.rejects(inPlaceWithFolder(failing), /No space/);
  assertUntouched(failing, ["app running no"]);
  const house = await House.build();
  house.user("app", "running", { health: "unhealthy" });
  await inFastTime(t, () =>
    assert.rejects(inPlaceWithFolder(house, { healthTimeoutMs: 60_000 }), {
      code: "restore.unhealthy",
    }),
  );
  assertUntouched(house, ["app running no"]);
});

test("a missing volume is created, and removed again where the restore fails and it holds nothing", async () => {
  const house = await House.build();
  const store = house.store;
  house.contents.disks.set("fresh", new FakeDisk(await contentsOf("")));
  const target = { ...fakeTarget(new FakeClient(house.engine), "fresh"), store };
  const request = { target, create: true, undeclared: false };
  house.contents.failOnce("probe", "no");
  await assert.rejects(restore(house, request), { code: "volume.unwritable" });
  assert.ok(!house.engine.volumes.has("fresh"));
  const dry = await restore(house, { ...request, dryRun: true });
  assert.equal(dry.createdVolume, true);
  assert.ok(!house.engine.volumes.has("fresh"));
  const { createdVolume } = await restore(house, request);
  assert.equal(createdVolume, true);
  assert.ok(house.contents.disk("fresh").contents.equals(house.newContents));
  assert.deepEqual(house.left(), []);
});

test("a created volume that something was written to stays, and that is said", async () => {
  const house = await House.build();
  house.contents.disks.set("fresh", new FakeDisk(await contentsOf("")));
  const target = { ...fakeTarget(new FakeClient(house.engine), "fresh"), store: house.store };
  house.contents.instead.set("swap", () => {
    house.contents.disk("fresh").contents = house.oldContents;
    return { status: 1, facts: { swapped_back: "" } };
  });
  await assert.rejects(restore(house, { target, create: true }), { code: "restore.swap-failed" });
  assert.ok(house.engine.volumes.has("fresh"));
  assert.match(house.tools.log.warnings.join(), /stays: it holds files\./);
});
