import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { House } from "../../test/fakes/house.ts";
import { inFastTime } from "../../test/fakes/time.ts";
import { restoreVolume } from "./restore.ts";
import { restore, recover, assertUntouched, assertFails } from "../../test/fakes/restoring.ts";

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
