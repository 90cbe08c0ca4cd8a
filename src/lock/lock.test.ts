import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { runsHelpers, type FakeVerb } from "../../test/fakes/helper.ts";
import { fakeTarget, fakeTools, type FakeTools } from "../../test/fakes/surroundings.ts";
import { inFastTime } from "../../test/fakes/time.ts";
import { DockformError } from "../errors.ts";
import { inspectVolume } from "../engine/volumes.ts";
import {
  operationLabels,
  readJournal,
  recordLabels,
  type Operation,
  type WritingName,
} from "../journal/operation.ts";
import { listContainers } from "../engine/containers.ts";
import { LockedVolume } from "./lock.ts";
import { interrupted, refuseInterrupted } from "./refusals.ts";

const LOCK = "dockform-restore-data";

/** An engine with a volume, and whoever wants to lock that. */
class Scene {
  /** Unless a test says otherwise, no staging folder is there. */
  readonly verbs: Record<string, FakeVerb> = { resume: () => ({ status: 1 }) };
  /** How a helper ends whose client is gone. */
  status = 0;
  readonly engine = new FakeEngine(runsHelpers({ verbs: this.verbs, finish: () => this.status }));

  constructor() {
    this.engine.createVolume("data");
  }

  async lock(
    name: WritingName = "restore",
    client = new FakeClient(this.engine),
    tools: FakeTools = fakeTools(),
  ): Promise<LockedVolume> {
    const target = fakeTarget(client, "data");
    const volume = await inspectVolume(client, "data");
    assert.ok(volume);
    return LockedVolume.lock(target, volume, name, tools);
  }

  /** The names of our own containers, without what is random in them. */
  ours(): readonly string[] {
    return this.engine.ours.map(({ name }) => name.replace(/-[0-9a-f]{8}$/, ""));
  }

  /** What stands under the lock's name in the engine. */
  holder(
    state: "running" | "created" | "exited" | "dead" | "removing",
    exitCode = 0,
    operation: Partial<Operation> = {},
  ): string {
    const labels = operationLabels({
      name: "restore",
      volume: "data",
      client: "another",
      startedAt: "2026-01-01T00:00:00Z",
      staging: ".dockform-0123456789ab",
      ...operation,
    });
    return this.foreign(LOCK, labels, state, exitCode);
  }

  foreign(
    name: string,
    Labels: Readonly<Record<string, string>>,
    state: "running" | "created" | "exited" | "dead" | "removing" = "created",
    exitCode = 0,
  ): string {
    const container = this.engine.createContainer(name, { Image: "helper:1", Labels });
    if (state === "running") this.engine.startContainer(container.id);
    else container.state = state;
    container.exitCode = exitCode;
    return container.id;
  }

  user(state: "running" | "created", labels: Readonly<Record<string, string>> = {}): string {
    const { id } = this.engine.createContainer("app", {
      Image: "app:1",
      Labels: labels,
      HostConfig: { Mounts: [{ Type: "volume", Source: "data", Target: "/data" }] },
    });
    if (state === "running") this.engine.startContainer(id);
    return id;
  }
}

const limit = (): AbortSignal => new AbortController().signal;

test("a lock is a helper that runs under the lock's name, and tells who works on what", async () => {
  const scene = new Scene();
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
  const scene = new Scene();
  const results = await Promise.allSettled(Array.from({ length: 5 }, () => scene.lock()));
  const refused = results.filter((result) => result.status === "rejected");
  assert.equal(refused.length, 4);
  for (const { reason } of refused) {
    assert.equal(reason.kind, "refused");
    assert.match(
      reason.message,
      /^another client is at work on volume "data": restore by somebody/,
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
      const scene = new Scene();
      scene.holder(state);
      await assert.rejects(scene.lock(name), (error: unknown) => {
        assert.ok(error instanceof DockformError);
        assert.match(
          error.message,
          /restore by another, since .* \(container dockform-restore-data\)/,
        );
        assert.match(error.hint ?? "", /when that one has ended/);
        assert.deepEqual(error.advice, advice);
        return true;
      });
      assert.deepEqual(scene.ours(), [LOCK]);
    }
  }
});

test("a holder that has ended and left nothing is removed", async () => {
  const scene = new Scene();
  const settled = scene.holder("exited", 0);
  await using lock = await scene.lock();
  assert.notEqual(lock.helper.containerId, settled);
  assert.deepEqual(scene.ours(), [LOCK]);
});

test("a holder that was cut short is a recovery's, and nobody else's", async () => {
  for (const state of ["exited", "dead"] as const) {
    for (const name of ["restore", "undo"] as const) {
      const scene = new Scene();
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
  const scene = new Scene();
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
    const { journal } = await lock.survey(limit());
    const { operation, standing } = journal.operations[0] ?? {};
    assert.equal(standing, "interrupted");
    assert.equal(operation?.client, "another");
    assert.equal(operation.staging, ".dockform-0123456789ab");
  }
  assert.deepEqual(scene.ours(), ["dockform-interrupted-data"], "to be ended by the recovery");
});

test("a stand-in goes again where the dead helper cannot be removed, and the cause is said", async (t) => {
  const scene = new Scene();
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
  const scene = new Scene();
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
  const scene = new Scene();
  const going = scene.holder("removing");
  const client = new FakeClient(scene.engine);
  const takeOnceFree = async (): Promise<void> => {
    const locking = scene.lock("restore", client);
    setTimeout(() => scene.engine.containers.delete(going), 30_000);
    await using lock = await locking;
    assert.equal(lock.helper.containerId, scene.engine.container(LOCK).id);
  };
  await inFastTime(t, takeOnceFree, stepMs);
  const stuck = new Scene();
  stuck.holder("removing");
  const wait = (): Promise<void> =>
    assert.rejects(stuck.lock(), { kind: "refused", message: /the name .* is taken/ });
  await inFastTime(t, wait, stepMs);
});

test("a container that is not ours keeps its name, and is left alone", async () => {
  const scene = new Scene();
  const theirs = scene.foreign(LOCK, {}, "exited");
  for (const name of ["restore", "recover"] as const) {
    await assert.rejects(scene.lock(name), { kind: "refused", message: /the name .* is taken/ });
  }
  assert.equal(scene.engine.container(LOCK).id, theirs);
});

test("a volume that was removed meanwhile is not made again", async () => {
  const scene = new Scene();
  const client = new FakeClient(scene.engine);
  client.gate = (call, moment) => {
    if (moment === "asking" && call.startsWith("POST /containers/create")) {
      scene.engine.volumes.delete("data");
    }
  };
  await assert.rejects(scene.lock("restore", client), /"data" was removed meanwhile/);
  assert.deepEqual([...scene.engine.volumes.keys()], []);
  assert.deepEqual(scene.ours(), []);
});

test("a survey shows who uses the volume, and what the engine knows of it, without oneself", async () => {
  const scene = new Scene();
  const id = scene.user("running");
  await using lock = await scene.lock();
  await lock.record("kept-contents", "{}");
  const { users, journal } = await lock.survey(limit());
  assert.deepEqual(
    users.map(({ container }) => container.id),
    [id],
  );
  assert.deepEqual(journal.operations, []);
  assert.deepEqual(
    journal.records.map(({ name, text }) => [name, text]),
    [["kept-contents", "{}"]],
  );
});

test("a snapshot that began before stands in a writer's way, and one that begins after gives way", async () => {
  const snapshot: Partial<Operation> = { name: "snapshot", staging: undefined };
  const scene = new Scene();
  await using lock = await scene.lock();
  await lock.survey(limit());
  const labels = operationLabels({
    name: "snapshot",
    volume: "data",
    client: "another",
    startedAt: "2026-01-01T00:00:00Z",
    staging: undefined,
  });
  scene.foreign("dockform-snapshot-data", labels, "running");
  await lock.survey(limit());
  const other = new Scene();
  other.holder("running", 0, snapshot);
  other.engine.container(LOCK);
  const [container] = other.engine.ours;
  assert.ok(container);
  other.engine.containers.delete(container.id);
  other.foreign("dockform-snapshot-data", labels, "running");
  await using second = await other.lock();
  await assert.rejects(second.survey(limit()), /at work on volume "data": snapshot by another/);
});

test("the files of a volume are surveyed by whichever name they are reached", async () => {
  const scene = new Scene();
  const options = { type: "none", o: "bind", device: "/volumes/data/_data" };
  scene.engine.createVolume("alias", { options });
  const labels = (name: "restore" | "snapshot"): Readonly<Record<string, string>> =>
    operationLabels({
      name,
      volume: "alias",
      client: "another",
      startedAt: "2026-01-01T00:00:00Z",
      staging: undefined,
    });
  await using lock = await scene.lock();
  const alive = scene.foreign("dockform-restore-alias", labels("restore"), "running");
  await assert.rejects(lock.survey(limit()), /at work on volume "alias"/);
  await scene.engine.removeContainer(alive, true);
  const dead = scene.foreign("dockform-restore-alias", labels("restore"), "exited", 3);
  await assert.rejects(lock.survey(limit()), {
    message: /^an operation on volume "alias" was interrupted/,
    advice: [{ code: "recover", volume: "alias", when: "interrupted" }],
  });
  await scene.engine.removeContainer(dead, true);
  scene.foreign("word", recordLabels("stopped-containers", "alias", "[]"));
  await assert.rejects(lock.survey(limit()), /"alias" was interrupted: containers that it had/);
});

test("a recovery does not mind what was cut short under another name", async () => {
  const scene = new Scene();
  scene.engine.createVolume("alias", { options: { device: "/volumes/data/_data" } });
  await using lock = await scene.lock("recover");
  scene.foreign("word", recordLabels("stopped-containers", "alias", "[]"));
  const { journal } = await lock.survey(limit());
  assert.deepEqual(journal.records, [], "it is not this volume's");
});

test("where a helper dies another one takes its place, and is asked instead", async () => {
  const scene = new Scene();
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
  const scene = new Scene();
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
  const scene = new Scene();
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
  const scene = new Scene();
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
  const scene = new Scene();
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

test("what is to be done in the end is done under the lock, and a failure leaves it to a recovery", async () => {
  const scene = new Scene();
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
  const scene = new Scene();
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
  const scene = new Scene();
  await using lock = await scene.lock();
  const id = await lock.addHolder("4242");
  const holder = scene.engine.container(id);
  assert.equal(holder.state, "created");
  assert.ok(holder.mountsVolume("data"));
  const { journal } = await lock.survey(limit());
  assert.deepEqual(
    journal.records.map(({ name, text, containerId }) => [name, text, containerId]),
    [["volume-in-memory", "4242", id]],
  );
  await lock.removeContainer(id);
  await lock.removeContainer(id);
});

test("a record is a container that is never started", async () => {
  const scene = new Scene();
  await using lock = await scene.lock();
  const id = await lock.record("leftover", "what is left");
  assert.equal(scene.engine.container(id).state, "created");
  const { journal } = await lock.survey(limit());
  assert.deepEqual(
    journal.records.map(({ name, text }) => [name, text]),
    [["leftover", "what is left"]],
  );
});

test("what was interrupted is told of by the helper, by a record, or not at all", async () => {
  const scene = new Scene();
  const journal = async () => readJournal(await listContainers(new FakeClient(scene.engine)));
  refuseInterrupted(await journal());
  scene.foreign("word", recordLabels("stopped-containers", "data", "[]"));
  const left = await journal();
  assert.throws(() => refuseInterrupted(left), /"data" was interrupted: containers that it had/);
  scene.holder("exited", 3);
  const both = await journal();
  assert.throws(() => refuseInterrupted(both), /"data" was interrupted: restore by another/);
  assert.match(interrupted(undefined, "data").message, /its files, are still as it left them/);
});
