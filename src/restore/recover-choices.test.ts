/** What a recovery decides by: which of the traces count, what it keeps, and what it does not vouch for. */
import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { contentsOf } from "../../test/fakes/contents.ts";
import { House } from "../../test/fakes/house.ts";
import { dieAfterSwap, helper, restoreUntil, word } from "../../test/fakes/interrupted.ts";
import { inFastTime } from "../../test/fakes/time.ts";
import { DockformError } from "../errors.ts";
import { FolderStore } from "../store/folder/folder-store.ts";
import { recoverVolume } from "./recover.ts";
import type { RestoreRequest } from "./request.ts";

const STAGING = ".dockform-0123456789ab";

function recover(
  house: House,
  more: Partial<Parameters<typeof recoverVolume>[0]> = {},
): ReturnType<typeof recoverVolume> {
  return recoverVolume({ target: house.target(), healthTimeoutMs: 0, ...more }, house.tools);
}

/** A container that an operation has stopped, with the record of it. */
async function stopped(house: House): Promise<void> {
  const { id, startedAt } = house.user("app");
  await house.engine.stopContainer(id);
  const restartPolicy = { Name: "no", MaximumRetryCount: 0 };
  const held = { id, name: "app", active: true, paused: false, startedAt, restartPolicy };
  word(house, "stopped-containers", JSON.stringify([held]));
}

test("only an operation that makes a folder, and was cut short, can miss one", async () => {
  for (const [operation, exitCode, contents] of [
    [{ name: "recover", staging: STAGING }, 3, "whole"],
    [{ name: "restore", staging: STAGING }, 0, "before"],
    [{ name: "restore", staging: STAGING }, 4, "after"],
    [{ name: "restore", staging: undefined }, 3, "whole"],
  ] as const) {
    const house = await House.build();
    await stopped(house);
    helper(house, "exited", operation, exitCode);
    assert.equal((await recover(house)).contents, contents, JSON.stringify(operation));
    assert.deepEqual(house.users(), ["app running no"]);
    assert.deepEqual(house.left(), []);
  }
  for (const name of ["restore", "undo"] as const) {
    const house = await House.build();
    await stopped(house);
    helper(house, "exited", { name, staging: STAGING });
    await assert.rejects(recover(house), {
      code: "volume.contents-unknown",
      data: { volume: "data", containers: [{ name: "app", outcome: "started" }] },
    });
  }
});

test("a folder that is missing matters to nobody where no container was stopped", async () => {
  const house = await House.build();
  helper(house, "exited", { staging: STAGING });
  assert.equal((await recover(house)).contents, "nothing");
  assert.deepEqual(house.left(), []);
});

test("something mounted in the volume is in the way of what was cut short alone", async () => {
  const house = await House.build();
  house.disk.facts = { mounted: "inside" };
  assert.equal((await recover(house)).contents, "nothing");
});

test("what the volume keeps already is not pushed out by contents that are not healthy", async (t) => {
  const house = await House.build();
  house.user("app", "running", { health: "unhealthy" });
  await dieAfterSwap(house);
  const earlier = { contents: await contentsOf("earlier"), about: "{}" };
  house.disk.kept = earlier;
  await inFastTime(t, () =>
    assert.rejects(recover(house, { healthTimeoutMs: 60_000 }), { code: "restore.unhealthy" }),
  );
  assert.equal(house.inPlace, "old");
  assert.equal(house.disk.kept, earlier);
});

test("one container of several that runs is enough for the new contents to be in use", async (t) => {
  const house = await House.build();
  const { id } = house.user("app", "running", { health: "unhealthy" });
  house.user("rests", "created");
  await dieAfterSwap(house);
  house.engine.startContainer(id);
  await inFastTime(t, () =>
    assert.rejects(recover(house, { healthTimeoutMs: 60_000 }), { code: "restore.unhealthy" }),
  );
  assert.deepEqual([house.inPlace, house.kept], ["new", "old"]);
});

test("what is not decided stays in the engine, with all that tells of it", async (t) => {
  const house = await House.build();
  const { id } = house.user("app", "running", { health: "unhealthy" });
  await dieAfterSwap(house);
  house.engine.startContainer(id);
  house.contents.instead.set("keep", () => ({ status: 1 }));
  await inFastTime(t, () =>
    assert.rejects(recover(house, { healthTimeoutMs: 60_000 }), {
      advice: [{ code: "repeat-when-healthy" }],
    }),
  );
  assert.ok(house.left().includes("dockform-restore-data"));
  assert.ok([...house.disk.stagings.values()].some(({ old }) => old?.equals(house.oldContents)));
  house.contents.instead.delete("keep");
  assert.equal((await recover(house)).contents, "after");
  assert.deepEqual(house.left(), []);
});

test("what the engine knows of kept contents it is told once", async () => {
  const house = await House.build();
  house.disk.kept = { contents: house.newContents, about: "{}" };
  await recover(house);
  await recover(house);
  assert.deepEqual(house.left(), ["dockform-kept-contents-data"]);
});

test("what was set aside is told with the contents that are in place", async () => {
  for (const [tear, inPlace] of [
    [false, "new"],
    [true, "old"],
  ] as const) {
    const house = await House.build();
    await dieAfterSwap(house);
    const [id = ""] = [...house.disk.stagings.keys()];
    if (tear) {
      house.disk.contents = house.oldContents;
      house.disk.tear(id);
    }
    house.disk.facts = { [`aside_${id}`]: `.dockform-aside-${id}/1/file` };
    await assert.rejects(recover(house), {
      code: "recover.set-aside",
      hint: new RegExp(`^The ${inPlace} contents are in place, whole`),
    });
    assert.equal(house.inPlace, inPlace);
  }
});

test("a helper that begins the moment it would be taken away is left to begin", async (t) => {
  const house = await House.build();
  helper(house, "created");
  const client = new FakeClient(house.engine);
  client.gate = (call, moment) => {
    if (moment !== "asking" || !call.startsWith("DELETE ")) return;
    client.gate = () => {};
    const begun = house.engine.container("dockform-restore-data");
    begun.state = "running";
    setTimeout(() => {
      begun.state = "exited";
      begun.exitCode = 0;
    }, 10_000);
  };
  await inFastTime(t, async () => {
    const { contents } = await recover(house, { target: house.target(client) });
    assert.equal(contents, "before", "it took away what it had made ready");
    assert.ok(performance.now() >= 10_000, "it is waited for");
  });
});

test("one that is gone the moment it would be taken away is as good, and a failure is none", async (t) => {
  const house = await House.build();
  helper(house, "created");
  const client = new FakeClient(house.engine);
  client.gate = (call, moment) => {
    if (moment !== "asking" || !call.startsWith("DELETE ")) return;
    client.gate = () => {};
    house.engine.containers.clear();
  };
  await inFastTime(t, () => recover(house, { target: house.target(client) }));
  assert.deepEqual(house.left(), []);
  helper(house, "created");
  client.failNext(/^DELETE/, 500, 500, 500, 500, 500);
  await inFastTime(t, () =>
    assert.rejects(recover(house, { target: house.target(client) }), {
      code: "engine.request-failed",
    }),
  );
});

/** A client that dies in place: with the old contents in a snapshot alone, or with the new ones put in. */
async function dieInPlace(
  house: House,
  store: FolderStore,
  at: "clear" | "accept",
): Promise<Partial<RestoreRequest>> {
  house.disk.facts = { space: "1 512 100000 200000 4000000" };
  const client = new FakeClient(house.engine);
  const dead = Promise.withResolvers<void>();
  house.contents.instead.set(at, async (call, real) => {
    house.contents.instead.delete(at);
    const reply = await real(call);
    client.die();
    dead.resolve();
    return reply;
  });
  const target = { ...house.target(client), store };
  await restoreUntil(dead.promise, house, client, { target, inPlace: true });
  return { target: { ...house.target(), store } };
}

async function withFolder(act: (store: FolderStore) => Promise<void>): Promise<void> {
  await using folder = await mkdtempDisposable(join(tmpdir(), "dockform-recover-"));
  await act(new FolderStore(folder.path));
}

test("old contents that are in a snapshot alone come back from it", () =>
  withFolder(async (store) => {
    const house = await House.build();
    house.user("app", "running", { restart: "always" });
    const { target } = await dieInPlace(house, store, "clear");
    assert.equal(house.inPlace, "neither");
    assert.ok(target);
    const { contents } = await recover(house, { target });
    assert.deepEqual([contents, house.inPlace], ["before", "old"]);
    assert.deepEqual(house.users(), ["app running always"]);
    assert.deepEqual([...house.disk.stagings], []);
    assert.deepEqual(house.left(), []);
  }));

test("where that snapshot cannot be read nothing is touched, and it is said to be the only copy", () =>
  withFolder(async (store) => {
    const house = await House.build();
    house.user("app");
    const { target } = await dieInPlace(house, store, "clear");
    assert.ok(target);
    house.contents.failOnce("extract", "Input/output error");
    await assert.rejects(recover(house, { target }), {
      code: "restore.swap-undecided",
      hint: /^Do not start containers on volume "data"\. Keep .*\.tar\.zst and the file beside it/,
      advice: [{ code: "recover", volume: "data", when: "mended-there" }],
    });
    assert.deepEqual(house.users(), ["app exited no"]);
    assert.equal((await recover(house, { target })).contents, "before");
    assert.equal(house.inPlace, "old");
  }));

test("new contents that were put in stay, and it is said where the old ones are", () =>
  withFolder(async (store) => {
    const house = await House.build();
    house.user("app");
    const { target } = await dieInPlace(house, store, "accept");
    assert.ok(target);
    assert.equal((await recover(house, { target })).contents, "after");
    assert.equal(house.inPlace, "new");
    assert.match(house.tools.log.warnings.join(), /held before is in .*, and nowhere else/);
  }));

test("where containers are not healthy on those, the way back is the snapshot", (t) =>
  withFolder(async (store) => {
    const house = await House.build();
    house.user("app", "running", { health: "unhealthy" });
    const { target } = await dieInPlace(house, store, "accept");
    assert.ok(target);
    await inFastTime(t, () =>
      assert.rejects(recover(house, { target, healthTimeoutMs: 60_000 }), (error) => {
        assert.ok(error instanceof DockformError);
        assert.deepEqual(
          error.advice.map(({ code }) => code),
          ["go-back"],
        );
        return true;
      }),
    );
    assert.equal(house.inPlace, "new");
    assert.deepEqual(house.left(), []);
  }));
