import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { LOCK, LockScene } from "../../test/fakes/lock-scene.ts";
import { inFastTime } from "../../test/fakes/time.ts";
import { DockformError } from "../errors.ts";
import { listContainers } from "../engine/containers.ts";
import { operationLabels, readJournal } from "../journal/operation.ts";

test("a lock is a helper that runs under the lock's name, and tells who works on what", async () => {
  const scene = new LockScene();
  {
    await using lock = await scene.lock("undo");
    const [helper, ...others] = scene.engine.ours;
    assert.deepEqual(others, []);
    assert.equal(helper?.name, LOCK);
    assert.equal(helper.state, "running");
    const [found] = readJournal(await listContainers(lock.target.engine)).operations;
    assert.deepEqual(found?.operation, {
      name: "undo",
      volume: "data",
      client: "somebody",
      startedAt: "2026-01-02T03:04:05Z",
      staging: `.dockform-${lock.stagingId}`,
    });
    assert.match(lock.stagingId, /^[0-9a-f]{12}$/);
    assert.equal(lock.helper.containerId, helper.id);
    assert.equal(lock.isAbandoned, false);
  }
  assert.deepEqual(scene.ours(), []);
});

test("of clients that begin at the same moment one gets the lock, and the others are refused", async () => {
  const scene = new LockScene();
  const results = await Promise.allSettled(Array.from({ length: 5 }, () => scene.lock()));
  const refused = results.filter((result) => result.status === "rejected");
  assert.equal(refused.length, 4);
  for (const { reason } of refused) {
    assert.equal(reason.kind, "refused");
    assert.match(
      reason.message,
      /^another client is working on volume "data": restore by somebody/,
    );
  }
  assert.deepEqual(scene.ours(), [LOCK]);
});

test("a holder that runs, or may be about to, is in everybody's way, and what to do is said", async () => {
  for (const [state, advice] of [
    ["running", []],
    ["created", [{ code: "recover", volume: "data", when: "unstarted" }]],
  ] as const) {
    for (const name of ["restore", "undo", "recover"] as const) {
      const scene = new LockScene();
      scene.holder(state);
      await assert.rejects(scene.lock(name), (error: unknown) => {
        assert.ok(error instanceof DockformError);
        assert.match(
          error.message,
          /restore by another, since .* \(container dockform-restore-data\)/,
        );
        assert.match(error.hint ?? "", /when it has finished/);
        assert.deepEqual(error.advice, advice);
        return true;
      });
      assert.deepEqual(scene.ours(), [LOCK]);
    }
  }
});

test("a holder that has ended and left nothing is removed", async () => {
  const scene = new LockScene();
  const settled = scene.holder("exited", 0);
  await using lock = await scene.lock();
  assert.notEqual(lock.helper.containerId, settled);
  assert.deepEqual(scene.ours(), [LOCK]);
});

test("a holder that was cut short is a recovery's, and nobody else's", async () => {
  for (const state of ["exited", "dead"] as const) {
    for (const name of ["restore", "undo"] as const) {
      const scene = new LockScene();
      const id = scene.holder(state, 3);
      await assert.rejects(scene.lock(name), {
        kind: "refused",
        message: /^an operation on volume "data" was interrupted: restore by another, since/,
      });
      assert.equal(scene.engine.container(LOCK).id, id);
    }
  }
});

test("a recovery takes the name, once another container tells the same", async () => {
  const scene = new LockScene();
  scene.holder("exited", 3);
  const client = new FakeClient(scene.engine);
  let told = 0;
  client.gate = (call, moment) => {
    if (moment !== "asking" || !call.startsWith("DELETE")) return;
    told = scene.engine.ours.length;
  };
  {
    await using lock = await scene.lock("recover", client);
    assert.equal(told, 2, "the dead helper and its stand-in, before the first is removed");
    assert.deepEqual(scene.ours(), ["dockform-interrupted-data", LOCK]);
    const { journal } = await lock.survey(new AbortController().signal);
    const { operation, standing } = journal.operations[0] ?? {};
    assert.equal(standing, "interrupted");
    assert.equal(operation?.client, "another");
    assert.equal(operation.staging, ".dockform-0123456789ab");
  }
  assert.deepEqual(scene.ours(), ["dockform-interrupted-data"], "to be ended by the recovery");
});

test("a stand-in goes again where the dead helper cannot be removed, and the cause is said", async (t) => {
  const scene = new LockScene();
  scene.holder("dead");
  const client = new FakeClient(scene.engine);
  client.failNext(/^DELETE/, 500, 500, 500, 500, 500);
  await inFastTime(t, () =>
    assert.rejects(scene.lock("recover", client), {
      kind: "failed",
      message: /^the engine cannot remove the dead helper dockform-restore-data: .*told to fail/,
    }),
  );
  assert.deepEqual(scene.ours(), [LOCK]);
});

test("where another recovery was faster, its word stays and one's own goes", async (t) => {
  const scene = new LockScene();
  const dead = scene.holder("exited", 3);
  const client = new FakeClient(scene.engine);
  let isRemoved = false;
  client.gate = async (call, moment) => {
    if (isRemoved || moment !== "asking" || !call.startsWith("DELETE")) return;
    isRemoved = true;
    await scene.engine.removeContainer(dead, false);
  };
  await inFastTime(t, async () => {
    await using lock = await scene.lock("recover", client);
    assert.deepEqual(scene.ours(), [LOCK]);
    assert.equal(lock.helper.containerId, scene.engine.container(LOCK).id);
  });
});

test("a holder that the engine is removing is waited for, but not for ever", async (t) => {
  const stepMs = 1000;
  const scene = new LockScene();
  const going = scene.holder("removing");
  const client = new FakeClient(scene.engine);
  const takeOnceFree = async (): Promise<void> => {
    const locking = scene.lock("restore", client);
    setTimeout(() => scene.engine.containers.delete(going), 30_000);
    await using lock = await locking;
    assert.equal(lock.helper.containerId, scene.engine.container(LOCK).id);
  };
  await inFastTime(t, takeOnceFree, stepMs);
  const stuck = new LockScene();
  stuck.holder("removing");
  const wait = (): Promise<void> =>
    assert.rejects(stuck.lock(), { kind: "refused", message: /the name .* is taken/ });
  await inFastTime(t, wait, stepMs);
});

test("a container that is not ours keeps its name, and is left alone", async () => {
  const scene = new LockScene();
  const theirs = scene.foreign(LOCK, {}, "exited");
  for (const name of ["restore", "recover"] as const) {
    await assert.rejects(scene.lock(name), { kind: "refused", message: /the name .* is taken/ });
  }
  assert.equal(scene.engine.container(LOCK).id, theirs);
});

test("only who has the lock's name is in the way of it, whatever else the engine tells of the volume", async () => {
  const scene = new LockScene();
  const labels = operationLabels({
    name: "restore",
    volume: "data",
    client: "another",
    startedAt: "2026-01-01T00:00:00Z",
    staging: ".dockform-0123456789ab",
  });
  const word = scene.foreign("dockform-interrupted-data-01234567", labels, "exited", 3);
  const theirs = scene.foreign(LOCK, {}, "exited");
  await assert.rejects(scene.lock("recover"), { message: /the name .* is taken/ });
  assert.deepEqual([...scene.engine.containers.keys()], [word, theirs]);
});

test("a name that becomes free the moment it was taken is taken again", async () => {
  const scene = new LockScene();
  const going = scene.holder("running");
  const client = new FakeClient(scene.engine);
  client.gate = (call, moment) => {
    if (moment === "answering" && call.startsWith("POST /containers/create")) {
      scene.engine.containers.delete(going);
    }
  };
  await using lock = await scene.lock("restore", client);
  assert.equal(lock.helper.containerId, scene.engine.container(LOCK).id);
});

test("a volume that was removed meanwhile is not made again", async () => {
  const scene = new LockScene();
  const client = new FakeClient(scene.engine);
  client.gate = (call, moment) => {
    if (moment === "asking" && call.startsWith("POST /containers/create")) {
      scene.engine.volumes.delete("data");
    }
  };
  await assert.rejects(scene.lock("restore", client), /"data" was removed in the meantime/);
  assert.deepEqual([...scene.engine.volumes.keys()], []);
  assert.deepEqual(scene.ours(), []);
});
