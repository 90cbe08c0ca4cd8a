import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { LOCK, LockScene } from "../../test/fakes/lock-scene.ts";
import { fakeTools } from "../../test/fakes/surroundings.ts";
import { inFastTime } from "../../test/fakes/time.ts";

const limit = (): AbortSignal => new AbortController().signal;

test("where a helper dies another one takes its place, and is asked instead", async () => {
  const scene = new LockScene();
  const asked: string[] = [];
  scene.verbs["swap"] = async () => {
    asked.push("swap");
    scene.status = 3;
    await scene.engine.killContainer(LOCK);
    return {};
  };
  scene.verbs["recover"] = ({ args }) => {
    asked.push(`recover ${args.join(" ")}`);
    return { facts: { swapped: "" } };
  };
  const tools = fakeTools();
  {
    await using lock = await scene.lock("restore", new FakeClient(scene.engine), tools);
    const first = lock.helper.containerId;
    const { inPlace } = await lock.surely(
      (verbs) => verbs.swap("1", undefined),
      (verbs) => verbs.recover("1"),
    );
    assert.equal(inPlace, "after");
    assert.deepEqual(asked, ["swap", "recover 1"]);
    assert.notEqual(lock.helper.containerId, first);
    assert.deepEqual(scene.ours(), ["dockform-interrupted-data", LOCK]);
    const { journal } = await lock.survey(limit());
    assert.deepEqual(journal.operations, [], "one's own stand-in is no interruption");
  }
  assert.deepEqual(scene.ours(), []);
  assert.deepEqual(tools.log.warnings, []);
});

test("a helper that has the staging folder in hand tells of it alone, and nothing stands in for those that died", async () => {
  const scene = new LockScene();
  scene.verbs["swap"] = async () => {
    await scene.engine.killContainer(LOCK);
    return {};
  };
  const resumed: string[] = [];
  scene.verbs["resume"] = ({ args }) => {
    resumed.push(...args);
    assert.deepEqual(scene.ours(), ["dockform-interrupted-data", LOCK], "until then it is told of");
    return {};
  };
  scene.verbs["recover"] = () => ({ facts: { swapped_back: "" } });
  await using lock = await scene.lock();
  await lock.surely(
    (verbs) => verbs.swap(lock.stagingId, undefined),
    (verbs) => verbs.recover(lock.stagingId),
  );
  assert.deepEqual(resumed, [lock.stagingId]);
  assert.deepEqual(scene.ours(), [LOCK]);
});

test("a helper that lives is asked once", async () => {
  const scene = new LockScene();
  let asked = 0;
  scene.verbs["begin"] = () => {
    asked += 1;
    return { status: 7 };
  };
  await using lock = await scene.lock();
  assert.equal(await lock.surely((verbs) => verbs.begin("1")), "status 7");
  assert.equal(asked, 1);
});

test("a helper that only lost its client is ended before another one begins", async (t) => {
  const scene = new LockScene();
  const ended = Promise.withResolvers<void>();
  scene.verbs["swap"] = async () => {
    // Its output does not reach the client any more.
    for (const connection of scene.engine.container(LOCK).attached) connection.destroy();
    await ended.promise;
    return {};
  };
  scene.verbs["recover"] = () => ({ facts: { swapped: "" } });
  await inFastTime(t, async () => {
    await using lock = await scene.lock();
    const outcome = lock.surely(
      (verbs) => verbs.swap("1", undefined),
      (verbs) => verbs.recover("1"),
    );
    setTimeout(() => ended.resolve(), 5000);
    assert.equal((await outcome).inPlace, "after");
  });
});

test("what is abandoned stays, with the helper that tells of it", async () => {
  const scene = new LockScene();
  scene.status = 3;
  const tools = fakeTools();
  {
    await using lock = await scene.lock("restore", new FakeClient(scene.engine), tools);
    await lock.record("stopped-containers", "[]");
    lock.beforeRelease(() => Promise.resolve(assert.fail()));
    lock.abandon();
    assert.equal(lock.isAbandoned, true);
  }
  assert.deepEqual(scene.ours(), [LOCK, "dockform-stopped-containers-data"]);
  await assert.rejects(scene.lock(), /was interrupted/);
});

test("what tells of a helper that died stays as well where something is left for a recovery", async () => {
  const scene = new LockScene();
  scene.verbs["begin"] = async () => {
    scene.status = 3;
    await scene.engine.killContainer(LOCK);
    return {};
  };
  {
    await using lock = await scene.lock();
    await lock.surely<unknown>(
      (verbs) => verbs.begin("1"),
      () => Promise.resolve(),
    );
    lock.abandon();
  }
  assert.deepEqual(scene.ours(), ["dockform-interrupted-data", LOCK]);
});

test("what is to be done in the end is done under the lock, and a failure leaves it to a recovery", async () => {
  const scene = new LockScene();
  const tools = fakeTools();
  const done: string[] = [];
  {
    await using lock = await scene.lock("restore", new FakeClient(scene.engine), tools);
    lock.beforeRelease(() => Promise.resolve(void done.push(scene.ours().join())));
  }
  assert.deepEqual(done, [LOCK]);
  scene.status = 3;
  {
    await using lock = await scene.lock("restore", new FakeClient(scene.engine), tools);
    lock.beforeRelease(() => Promise.reject(new Error("no answer")));
  }
  assert.deepEqual(scene.ours(), [LOCK]);
  assert.match(tools.log.warnings.join(), /no answer$/);
  assert.deepEqual(tools.log.advice, [{ code: "recover", volume: "data", when: "retry" }]);
});

test("a stand-in that cannot be removed is a warning", async (t) => {
  const scene = new LockScene();
  scene.verbs["begin"] = async () => {
    await scene.engine.killContainer(LOCK);
    return {};
  };
  scene.verbs["discard"] = () => ({});
  const client = new FakeClient(scene.engine);
  const tools = fakeTools();
  await inFastTime(t, async () => {
    await using lock = await scene.lock("restore", client, tools);
    await lock.surely<unknown>(
      (verbs) => verbs.begin("1"),
      (verbs) => verbs.discard("1"),
    );
    client.failNext(/^DELETE/, 500, 500, 500, 500, 500);
  });
  assert.deepEqual(scene.ours(), ["dockform-interrupted-data"]);
  assert.match(tools.log.warnings.join(), /cannot remove container /);
  assert.deepEqual(tools.log.advice, [{ code: "recover", volume: "data", when: "retry" }]);
});

test("a volume in memory is held by a container that has it mounted", async () => {
  const scene = new LockScene();
  await using lock = await scene.lock();
  const id = await lock.addHolder("4242");
  const holder = scene.engine.container(id);
  assert.equal(holder.state, "created");
  assert.ok(holder.mountsVolume("data"));
  assert.equal(holder.definition.HostConfig?.Mounts?.[0]?.ReadOnly, true);
  const { journal } = await lock.survey(limit());
  assert.deepEqual(
    journal.records.map(({ name, text, containerId }) => [name, text, containerId]),
    [["volume-in-memory", "4242", id]],
  );
  await lock.removeContainer(id);
  await lock.removeContainer(id);
});

test("a record is a container that is never started", async () => {
  const scene = new LockScene();
  await using lock = await scene.lock();
  const id = await lock.record("leftover", "what is left");
  assert.equal(scene.engine.container(id).state, "created");
  const { journal } = await lock.survey(limit());
  assert.deepEqual(
    journal.records.map(({ name, text }) => [name, text]),
    [["leftover", "what is left"]],
  );
});
