import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { House } from "../../test/fakes/house.ts";
import { dieAfterSwap, helper, restoreUntil, word } from "../../test/fakes/interrupted.ts";
import { inFastTime } from "../../test/fakes/time.ts";
import { listContainers } from "../engine/containers.ts";
import { readJournal } from "../journal/operation.ts";
import { recoverVolume } from "./recover.ts";
import { restoreVolume } from "./restore.ts";
import { discardKept, undoVolume } from "./undo.ts";
import { volumesToRecover } from "./volumes-to-recover.ts";

function recover(house: House, healthTimeoutMs = 0): ReturnType<typeof recoverVolume> {
  return recoverVolume({ target: house.target(), healthTimeoutMs }, house.tools);
}

/** A client whose helper dies before the swap, and that dies once another one has found that nothing was swapped. */
async function dieAfterHelper(house: House): Promise<void> {
  const client = new FakeClient(house.engine);
  const dead = Promise.withResolvers<void>();
  house.contents.instead.set("swap", async () => {
    house.contents.instead.delete("swap");
    await house.engine.killContainer("dockform-restore-data");
    return {};
  });
  house.contents.instead.set("recover", async (call, real) => {
    house.contents.instead.delete("recover");
    const reply = await real(call);
    client.die();
    dead.resolve();
    return reply;
  });
  await restoreUntil(dead.promise, house, client);
}

test("where nothing was cut short nothing is done", async () => {
  const house = await House.build();
  const { contents, containers } = await recover(house);
  assert.deepEqual([contents, containers], ["nothing", []]);
  assert.equal(house.inPlace, "old");
  assert.deepEqual(house.left(), []);
});

test("new contents that are in place stay, and what was stopped runs on them", async () => {
  const house = await House.build();
  house.user("app", "running", { restart: "always" });
  await dieAfterSwap(house);
  assert.deepEqual(house.users(), ["app exited no"]);
  const { contents } = await recover(house);
  assert.equal(contents, "after");
  assert.equal(house.inPlace, "new");
  assert.deepEqual(house.users(), ["app running always"]);
  assert.deepEqual(house.left(), []);
});

test("what a second helper has put away is missed by nobody, though the first one died with it", async () => {
  const house = await House.build();
  house.user("app", "running", { restart: "always" });
  await dieAfterHelper(house);
  assert.deepEqual([...house.disk.stagings], [], "the second helper put it away");
  const { contents } = await recover(house);
  assert.deepEqual([contents, house.inPlace], ["before", "old"]);
  assert.deepEqual(house.users(), ["app running always"]);
  assert.deepEqual(house.left(), []);
});

test("where containers are not healthy on them the old contents come back, and the new ones are kept", async (t) => {
  const house = await House.build();
  house.user("app", "running", { health: "unhealthy" });
  await dieAfterSwap(house);
  await inFastTime(t, () => assert.rejects(recover(house, 60_000), { code: "restore.unhealthy" }));
  assert.deepEqual([house.inPlace, house.kept], ["old", "new"]);
  assert.deepEqual(house.users(), ["app running no"]);
});

test("new contents that are in use stay whatever becomes of them, and the old ones are kept", async (t) => {
  for (const keeps of [true, false]) {
    const house = await House.build();
    const { id } = house.user("app", "running", { health: "unhealthy" });
    await dieAfterSwap(house);
    house.engine.startContainer(id);
    if (!keeps) house.contents.instead.set("keep", () => ({ status: 1 }));
    await inFastTime(t, () =>
      assert.rejects(recover(house, 60_000), {
        code: "restore.unhealthy",
        advice: [
          keeps
            ? { code: "undo-to-old", volume: "data", declared: false }
            : { code: "repeat-when-healthy" },
        ],
      }),
    );
    assert.deepEqual([house.inPlace, house.kept], ["new", keeps ? "old" : "nothing"]);
  }
  const house = await House.build();
  const { id } = house.user("app");
  await dieAfterSwap(house);
  house.engine.startContainer(id);
  assert.equal((await recover(house)).contents, "after");
  assert.deepEqual([house.inPlace, house.kept], ["new", "nothing"]);
});

test("a volume between old and new is not touched under a container that runs on it", async () => {
  const house = await House.build();
  const { id } = house.user("app");
  house.disk.facts = { unfinished_0123456789ab: "old.partial new" };
  helper(house, "exited", { staging: ".dockform-0123456789ab" });
  await assert.rejects(recover(house), { kind: "refused", message: /^app runs on volume "data"/ });
  assert.equal(house.engine.container(id).state, "running");
  house.disk.facts = { unfinished_0123456789ab: "old new", mounted: "inside" };
  await assert.rejects(recover(house), { code: "volume.mount-inside" });
});

test("containers alone are started again, and the contents are called whole", async () => {
  const house = await House.build();
  const { id, startedAt } = house.user("app");
  await house.engine.stopContainer(id);
  const restartPolicy = { Name: "no", MaximumRetryCount: 0 };
  const held = { id, name: "app", active: true, paused: false, startedAt, restartPolicy };
  word(house, "stopped-containers", JSON.stringify([held]));
  const { contents } = await recover(house);
  assert.equal(contents, "whole");
  assert.deepEqual(house.users(), ["app running no"]);
  assert.deepEqual(house.left(), []);
});

test("where the folder of an operation is gone that had stopped containers nothing is vouched for", async () => {
  const house = await House.build();
  const { id, startedAt } = house.user("app");
  await house.engine.stopContainer(id);
  const restartPolicy = { Name: "no", MaximumRetryCount: 0 };
  const held = { id, name: "app", active: true, paused: false, startedAt, restartPolicy };
  word(house, "stopped-containers", JSON.stringify([held]));
  helper(house, "exited", { staging: ".dockform-0123456789ab" });
  await assert.rejects(recover(house), {
    code: "volume.contents-unknown",
    message: /the folder \.dockform-0123456789ab of an interrupted operation is missing/,
  });
  assert.deepEqual(house.users(), ["app running no"], "what was stopped runs again");
});

test("a helper that finishes what a dead client has begun is waited for, and where it left nothing it is said which contents are in place", async (t) => {
  for (const [exitCode, contents] of [
    [0, "before"],
    [4, "after"],
    [137, "nothing"],
  ] as const) {
    const house = await House.build();
    const { id } = house.user("app");
    helper(house, "running", { staging: ".dockform-0123456789ab" });
    await inFastTime(t, async () => {
      const recovered = recover(house);
      setTimeout(() => {
        const dead = house.engine.container("dockform-restore-data");
        dead.state = "exited";
        dead.exitCode = exitCode;
      }, 30_000);
      assert.equal((await recovered).contents, contents);
      assert.ok(performance.now() > 30_000);
    });
    assert.equal(house.engine.container(id).state, "running");
    assert.deepEqual(house.left(), []);
    const said = house.tools.log.lines.filter(({ level }) => level === "info");
    assert.match(
      said[0]?.text ?? "",
      /^Waiting for volume "data", at most 1 min 15 s: restore by another/,
    );
    assert.equal(said.length, 1);
  }
});

test("a client that runs here is not waited for", async (t) => {
  const house = await House.build();
  helper(house, "running", { client: "alive" });
  await inFastTime(t, async () => {
    await assert.rejects(recover(house), { code: "volume.busy" });
    assert.ok(performance.now() < 10_000);
  });
});

test("whoever works on and on is left alone after a while", async (t) => {
  const house = await House.build();
  helper(house, "running");
  await inFastTime(t, async () => {
    await assert.rejects(recover(house), { code: "volume.busy" });
    assert.ok(performance.now() >= 75_000 && performance.now() < 80_000);
  });
});

test("a client that dies once all is concluded leaves new contents, and a recovery says so", async () => {
  const house = await House.build();
  const client = new FakeClient(house.engine);
  house.contents.instead.set("conclude", async (call, real) => {
    const reply = await real(call);
    client.die();
    return reply;
  });
  void restoreVolume(house.request({}, client), house.tools).catch(() => {});
  while (house.engine.containers.size === 0) await new Promise(setImmediate);
  while (house.engine.container("dockform-restore-data").state === "running") {
    await new Promise(setImmediate);
  }
  assert.equal((await recover(house)).contents, "after");
  assert.equal(house.inPlace, "new");
});

test("a helper that was not started is given a moment, and then taken away", async (t) => {
  const house = await House.build();
  helper(house, "created");
  await inFastTime(t, async () => {
    const beganMs = performance.now();
    assert.equal((await recover(house)).contents, "nothing");
    assert.ok(performance.now() - beganMs >= 3000);
  });
  assert.deepEqual(house.left(), []);
});

test("what was set aside in the operation is a failure with everything done, what was before is not", async () => {
  const house = await House.build();
  await dieAfterSwap(house);
  const [id] = [...house.disk.stagings.keys()];
  house.disk.facts = { [`aside_${id}`]: `.dockform-aside-${id}/1/file`, aside_0: "old/1/f" };
  await assert.rejects(recover(house), { message: /set aside in its folder/, kind: "failed" });
  assert.equal(house.inPlace, "new");
  assert.deepEqual(house.left(), ["dockform-set-aside-data", "dockform-set-aside-data"]);
  assert.equal((await recover(house)).contents, "nothing");
});

test("the engine is told what the volume keeps, and what it could not remove", async () => {
  const house = await House.build();
  word(house, "kept-contents", "{}");
  await recover(house);
  assert.deepEqual(house.left(), [], "nothing is kept");
  house.disk.kept = { contents: house.newContents, about: "{}" };
  house.contents.instead.set("empty_trash", () => ({
    status: 1,
    facts: { left_0123456789ab: "" },
    messages: ["rm: busy"],
  }));
  await recover(house);
  assert.deepEqual(house.left(), ["dockform-leftover-data", "dockform-kept-contents-data"]);
  assert.match(house.tools.log.warnings.join(), /cannot remove the folder \.dockform-trash-0123/);
});

test("a volume that is gone is forgotten, but not containers that wait for it", async () => {
  const house = await House.build();
  const { id, startedAt } = house.engine.createContainer("app", { Image: "app:1" });
  const restartPolicy = { Name: "on-failure", MaximumRetryCount: 3 };
  const held = { id, name: "app", active: true, paused: false, startedAt, restartPolicy };
  word(house, "stopped-containers", JSON.stringify([held]));
  helper(house, "exited");
  house.engine.volumes.delete("data");
  await assert.rejects(recover(house), {
    code: "volume.gone",
    hint: new RegExp(`docker update --restart on-failure:3 .*; docker start ${id.slice(0, 12)}`),
  });
  house.engine.startContainer(id);
  house.engine.container(id).restartPolicy = restartPolicy;
  assert.equal((await recover(house)).contents, "gone");
  assert.deepEqual(house.left(), []);
  await assert.rejects(recover(house), { code: "volume.not-found" });
});

test("volumes to recover are those where something was left, unless somebody works on them", async () => {
  const house = await House.build();
  const client = new FakeClient(house.engine);
  const { signal } = new AbortController();
  assert.deepEqual(await volumesToRecover(client, signal), { volumes: [], written: [], alive: [] });
  word(house, "kept-contents", "{}");
  assert.deepEqual((await volumesToRecover(client, signal)).volumes, [], "it is no interruption");
  helper(house, "exited", { volume: "other" });
  house.engine.volumes.delete("data");
  assert.deepEqual((await volumesToRecover(client, signal)).volumes, ["data", "other"]);
  house.engine.container("dockform-restore-other").state = "running";
  const { volumes, written, alive } = await volumesToRecover(client, signal);
  assert.deepEqual([volumes, written, alive], [["data"], ["other"], []]);
});

test("an undo without anything kept is refused, and the engine forgets what it thought", async () => {
  const house = await House.build();
  word(house, "kept-contents", "{}");
  const workload = { stopContainers: true, healthTimeoutMs: 0 };
  const undo = undoVolume({ target: house.target(), undeclared: true, ...workload }, house.tools);
  await assert.rejects(undo, { code: "volume.keeps-nothing" });
  assert.deepEqual(house.left(), []);
});

test("what is kept goes for good where it is discarded, and stays where it cannot be taken", async () => {
  const house = await House.build();
  house.disk.kept = { contents: house.newContents, about: "no JSON" };
  const workload = { stopContainers: true, healthTimeoutMs: 0 };
  house.contents.failOnce("take_kept", "Input/output error");
  const undo = undoVolume({ target: house.target(), undeclared: true, ...workload }, house.tools);
  await assert.rejects(undo, { code: "undo.failed", message: /Input\/output/ });
  assert.deepEqual([house.inPlace, house.kept], ["old", "new"]);
  const [volume] = [...house.engine.volumes.values()];
  assert.ok(volume);
  const { name, driver, options: driverOpts, labels } = volume;
  const known = { name, driver, driverOpts, labels, mountpoint: "/volumes/data/_data" };
  const kept = await discardKept(house.target(), known, house.tools);
  assert.equal(kept.kept_at, "an unknown time");
  assert.equal(house.kept, "nothing");
  assert.deepEqual(readJournal(await listContainers(new FakeClient(house.engine))).records, []);
});

test("a folder that is named like ours, and that no operation made, is set aside and not removed", async () => {
  const house = await House.build();
  const id = "0123456789ab";
  house.disk.facts = { [`unfinished_${id}`]: " old" };
  house.contents.instead.set("put_aside", (call, real) => {
    house.disk.facts = {};
    return real(call);
  });
  const { contents } = await recover(house);
  assert.equal(contents, "nothing");
  assert.deepEqual(house.disk.facts, {
    [`aside_${id}`]: `.dockform-aside-${id}/1/.dockform-${id}`,
  });
  assert.match(house.tools.log.warnings.join(), /named like one of dockform's/);
  assert.deepEqual(house.left(), ["dockform-set-aside-data"]);
});
