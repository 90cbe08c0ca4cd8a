import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import type { FakeContainer } from "../../test/fakes/container.ts";
import { FakeLedger } from "../../test/fakes/ledger.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { FakeLog } from "../../test/fakes/surroundings.ts";
import { inFastTime } from "../../test/fakes/time.ts";
import { listContainers, type RestartPolicy } from "../engine/containers.ts";
import { isAsBefore, parseRecord } from "./held.ts";
import { StoppedContainers } from "./stopped.ts";
import { refuseUnstoppable } from "./unstoppable.ts";
import { usersAmong, type VolumeUser } from "./users.ts";

const policy = (Name: string): RestartPolicy => ({ Name, MaximumRetryCount: 0 });
const NO_ANSWER = new Error("connect ECONNREFUSED");
const nobodyElse = (): Promise<void> => Promise.resolve();

/** An engine with a volume and containers that use it. */
class Scene {
  readonly engine = new FakeEngine();
  readonly client = new FakeClient(this.engine);
  readonly ledger = new FakeLedger("data");
  readonly log = new FakeLog();
  readonly stopped = new StoppedContainers(this.client, this.ledger, this.log);

  constructor() {
    this.engine.createVolume("data");
  }

  user(
    name: string,
    state: "created" | "running" | "paused" = "running",
    more: {
      readonly restart?: string;
      readonly labels?: Readonly<Record<string, string>>;
      readonly network?: string;
      readonly autoRemove?: boolean;
    } = {},
  ): FakeContainer {
    const { restart = "no", labels = {}, network = "none", autoRemove = false } = more;
    const container = this.engine.createContainer(name, {
      Image: "app:1",
      Labels: labels,
      HostConfig: {
        NetworkMode: network,
        AutoRemove: autoRemove,
        RestartPolicy: policy(restart),
        Mounts: [{ Type: "volume", Source: "data", Target: "/data" }],
      },
    });
    if (state !== "created") this.engine.startContainer(container.id);
    if (state === "paused") this.engine.pauseContainer(container.id);
    return container;
  }

  async users(): Promise<readonly VolumeUser[]> {
    const volume = { name: "data", driver: "local", driverOpts: {}, labels: {}, mountpoint: "" };
    return usersAmong(await listContainers(new FakeClient(this.engine)), volume);
  }

  async stop(holdOn: () => Promise<void> = nobodyElse): Promise<void> {
    await this.stopped.stop(await this.users(), holdOn);
  }

  /** What whoever comes after this client makes of its records. */
  byRecords(): StoppedContainers {
    const records = this.ledger.found();
    return StoppedContainers.ofRecords(this.client, this.ledger, records, this.log);
  }
}

test("without a container to hold nothing is recorded, and nobody is asked to hold on", async () => {
  const scene = new Scene();
  scene.user("at rest", "created", { restart: "unless-stopped" });
  await scene.stop(assert.fail);
  assert.equal(scene.ledger.made, 0);
  assert.deepEqual(scene.stopped.names(), []);
});

test("a record is there before anybody is asked to hold on, and that before the first stop", async () => {
  const scene = new Scene();
  const user = scene.user("app");
  await scene.stop(() => {
    assert.deepEqual(
      scene.ledger.found().flatMap(({ text }) => parseRecord(text).map(({ name }) => name)),
      ["app"],
    );
    assert.equal(user.state, "running");
    return Promise.resolve();
  });
  assert.equal(user.state, "exited");
  assert.deepEqual(scene.stopped.names(), ["app"]);
  const [summary] = await scene.users();
  assert.ok(summary && scene.stopped.has(summary.container));
  assert.ok(summary && !scene.stopped.has({ ...summary.container, id: "another" }));
});

test("what was stopped runs again, and what was paused is paused again", async () => {
  const scene = new Scene();
  const running = scene.user("running");
  const paused = scene.user("paused", "paused");
  const before = [running.startedAt, paused.startedAt];
  await scene.stop();
  assert.deepEqual([running.state, paused.state], ["exited", "exited"]);
  const outcomes = await scene.stopped.startAll();
  assert.deepEqual([running.state, paused.state], ["running", "paused"]);
  assert.notDeepEqual([running.startedAt, paused.startedAt], before);
  assert.deepEqual(
    outcomes.map((one) => [one.name, one.outcome, one.paused, one.problem]),
    [
      ["running", "started", false, undefined],
      ["paused", "started", true, undefined],
    ],
  );
  await scene.stopped.forget();
  assert.deepEqual(scene.ledger.found(), []);
  assert.equal(scene.ledger.isAbandoned, false);
  assert.deepEqual(scene.log.warnings, []);
});

test("an engine that starts meanwhile leaves them alone, and no longer than meanwhile", async () => {
  const scene = new Scene();
  const always = scene.user("always", "running", { restart: "always" });
  const failing = scene.user("failing", "running", { restart: "on-failure" });
  const atRest = scene.user("at rest", "created", { restart: "always" });
  const kept = scene.user("kept", "running", { restart: "unless-stopped" });
  await scene.stop();
  const names = [always, failing, atRest, kept].map((one) => one.restartPolicy.Name);
  assert.deepEqual(names, ["no", "no", "no", "unless-stopped"]);
  const outcomes = await scene.stopped.startAll();
  assert.equal(outcomes.length, 3, "one at rest has no outcome");
  const after = [always, failing, atRest, kept].map((one) => one.restartPolicy.Name);
  assert.deepEqual(after, ["always", "on-failure", "always", "unless-stopped"]);
  assert.equal(atRest.state, "created");
});

test("where the operation is another client's by now nothing is stopped or recorded", async () => {
  const scene = new Scene();
  const user = scene.user("app");
  const startedAt = user.startedAt;
  await assert.rejects(
    scene.stop(() => Promise.reject(new Error("theirs"))),
    /theirs/,
  );
  assert.equal(user.startedAt, startedAt);
  assert.deepEqual(scene.ledger.found(), []);
  assert.deepEqual(scene.stopped.names(), []);
  scene.ledger.failure = new Error("no engine");
  await assert.rejects(
    scene.stop(() => Promise.reject(new Error("theirs"))),
    /theirs/,
  );
  assert.deepEqual(scene.log.lines.at(-1), { level: "debug", text: "no engine" });
});

test("all are stopped at once", async () => {
  const scene = new Scene();
  scene.user("one");
  scene.user("two");
  const both = Promise.withResolvers<void>();
  let stopping = 0;
  scene.engine.stopTakes = () => {
    stopping += 1;
    if (stopping === 2) both.resolve();
    return both.promise;
  };
  await scene.stop();
  assert.equal(stopping, 2);
});

test("one that was removed before, or is removed meanwhile, is no failure", async () => {
  const scene = new Scene();
  const users = [scene.user("before"), scene.user("meanwhile")];
  const found = await scene.users();
  await scene.engine.removeContainer(users[0]?.id ?? "", true);
  await scene.stopped.stop(found, () => scene.engine.removeContainer(users[1]?.id ?? "", true));
  assert.deepEqual(scene.stopped.names(), ["meanwhile"]);
  const [outcome] = await scene.stopped.startAll();
  assert.deepEqual(
    [outcome?.outcome, outcome?.problem],
    ["gone", "it was removed in the meantime"],
  );
  assert.match(scene.log.warnings.join(), /meanwhile does not run: it was removed in the meantime/);
  // Of one that never stopped, too.
  assert.ok(Number.isFinite(outcome?.stoppingMs) && Number.isFinite(outcome?.swappingMs));
  await scene.stopped.forget();
  assert.deepEqual(scene.ledger.found(), []);
});

test("one that cannot be described is a failure before anything is touched", async () => {
  const scene = new Scene();
  const user = scene.user("app");
  scene.client.failNext(/\/json$/, 500);
  await assert.rejects(scene.stop(), /told to fail/);
  assert.equal(user.state, "running");
  assert.equal(scene.ledger.made, 0);
});

test("one that does not stop is a failure, and the others are known all the same", async () => {
  const scene = new Scene();
  const users = [scene.user("one"), scene.user("two")];
  scene.client.failNext(new RegExp(`${users[0]?.id}/stop`), 500);
  await assert.rejects(scene.stop(), {
    kind: "failed",
    message: /^cannot stop one: .*told to fail/,
  });
  assert.deepEqual(scene.stopped.names(), ["one", "two"]);
  assert.deepEqual(
    users.map(({ state }) => state),
    ["running", "exited"],
  );
  await scene.stopped.startAll();
  assert.deepEqual(
    users.map(({ state }) => state),
    ["running", "running"],
  );
});

test("a service's container that was recreated meanwhile is left to whoever did that", async () => {
  const labels = { "com.docker.compose.project": "shop", "com.docker.compose.service": "db" };
  const scene = new Scene();
  const user = scene.user("shop-db-1", "running", { labels });
  await scene.stop();
  await scene.engine.removeContainer(user.id, false);
  const none = await scene.stopped.startAll();
  assert.match(none[0]?.problem ?? "", /docker compose up -d/);
  scene.user("shop-web-1", "running", {
    labels: { ...labels, "com.docker.compose.service": "web" },
  });
  scene.user("shop-db-2", "created", { labels });
  const [outcome] = await scene.stopped.startAll();
  assert.equal(outcome?.problem, "it was recreated as shop-db-2, which was left alone");
  scene.client.failNext(/^GET \/containers\/json/, 500, 500);
  const [unknown] = await scene.stopped.startAll();
  assert.equal(unknown?.problem, "it was removed in the meantime");
});

test("one that needs another one to run is started after it", async () => {
  const scene = new Scene();
  const other = scene.user("z-other");
  const user = scene.user("a-user", "running", { network: "container:z-other" });
  await scene.stop();
  // Whichever is asked for first.
  scene.client.gate = (call, moment) =>
    moment === "asking" && call === `POST /containers/${other.id}/start`
      ? new Promise((resolve) => setImmediate(resolve))
      : undefined;
  const outcomes = await scene.stopped.startAll();
  assert.deepEqual(
    outcomes.map(({ outcome }) => outcome),
    ["started", "started"],
  );
  assert.equal(user.state, "running");
});

test("something else that is not found does not mean that the container is gone", async () => {
  const scene = new Scene();
  scene.user("other", "running", { autoRemove: false });
  const user = scene.user("app", "running", { network: "container:other" });
  await scene.stop();
  await scene.engine.removeContainer("other", true);
  const outcomes = await scene.stopped.startAll();
  const outcome = outcomes.find(({ id }) => id === user.id);
  assert.equal(outcome?.outcome, "failed");
  assert.match(outcome.problem ?? "", /No such container: other/);
});

const LEFT_OVER = new Error("failed to create task: id already in use");

test("an engine that still removes what died with it is asked again", async (t) => {
  const scene = new Scene();
  const user = scene.user("app");
  await scene.stop();
  scene.client.failNext(/\/start$/, LEFT_OVER, LEFT_OVER, LEFT_OVER, LEFT_OVER);
  const [outcome] = await inFastTime(t, () => scene.stopped.startAll());
  assert.equal(outcome?.outcome, "started");
  assert.equal(user.state, "running");
});

test("what an engine that was killed never removes is said to be that", async (t) => {
  const scene = new Scene();
  scene.user("app");
  await scene.stop();
  scene.client.failNext(/\/start$/, ...Array.from({ length: 1000 }, () => LEFT_OVER));
  const [outcome] = await inFastTime(t, () => scene.stopped.startAll());
  assert.match(outcome?.problem ?? "", /already in use \(left by an engine that died/);
});

test("an engine that answers no is believed, and the record goes", async () => {
  const scene = new Scene();
  scene.user("app");
  await scene.stop();
  scene.client.failNext(/\/start$/, 500, 500);
  const [outcome] = await scene.stopped.startAll();
  assert.equal(outcome?.outcome, "failed");
  assert.match(scene.log.warnings.join(), /app does not run/);
  await scene.stopped.forget();
  assert.deepEqual(scene.ledger.found(), []);
  assert.equal(scene.ledger.isAbandoned, false);
});

test("with an engine that does not answer the record stays, for a recovery", async () => {
  const scene = new Scene();
  const user = scene.user("app");
  await scene.stop();
  scene.client.failNext(/\/start$/, NO_ANSWER, NO_ANSWER);
  await scene.stopped.startAll();
  await scene.stopped.forget();
  assert.equal(scene.ledger.found().length, 1);
  assert.equal(scene.ledger.isAbandoned, true);
  assert.deepEqual(scene.log.advice, [{ code: "recover", volume: "data", when: "stopped" }]);
  const recovery = scene.byRecords();
  await recovery.startAll();
  assert.equal(user.state, "running");
  await recovery.forget();
  assert.deepEqual(scene.ledger.found(), []);
});

test("a later attempt that is answered makes up for one that was not", async () => {
  const scene = new Scene();
  scene.user("app");
  await scene.stop();
  scene.client.failNext(/\/start$/, NO_ANSWER, NO_ANSWER);
  await scene.stopped.startAll();
  await scene.stopped.startAll();
  await scene.stopped.forget();
  assert.deepEqual(scene.ledger.found(), []);
});

test("a policy that cannot be set again is told of, and unless the engine said so is left to a recovery", async (t) => {
  for (const [failure, isLeft] of [
    [500, false],
    [404, false],
    [NO_ANSWER, true],
  ] as const) {
    const scene = new Scene();
    scene.user("at rest", "created", { restart: "always" });
    await scene.stop();
    scene.client.failNext(/\/update$/, ...Array.from({ length: 5 }, () => failure));
    await inFastTime(t, () => scene.stopped.startAll());
    await scene.stopped.forget();
    const warnings = scene.log.warnings.join();
    if (failure !== 404) assert.match(warnings, /^cannot set the restart policy of at rest again/);
    else assert.equal(warnings, "", "it was removed in the meantime");
    assert.equal(scene.ledger.isAbandoned, isLeft, String(failure));
  }
});

test("they are stopped again, and recorded again", async () => {
  const scene = new Scene();
  const user = scene.user("app");
  await scene.stop();
  await scene.stopped.startAll();
  const holdsOn: number[] = [];
  await scene.stopped.stopAgain(() => Promise.resolve(void holdsOn.push(scene.ledger.made)));
  assert.deepEqual(holdsOn, [2], "with a record of their own");
  assert.equal(user.state, "exited");
  await scene.stopped.startAll();
  await scene.stopped.forget();
  assert.deepEqual(scene.ledger.found(), []);
});

test("a recovery finds each container once, however often it was recorded", async () => {
  const scene = new Scene();
  scene.user("app");
  await scene.stop();
  await scene.stopped.stopAgain(nobodyElse);
  const recovery = scene.byRecords();
  assert.deepEqual(recovery.names(), ["app"]);
  assert.equal((await recovery.startAll()).length, 1);
  await recovery.forget();
  assert.deepEqual(scene.ledger.found(), []);
});

test("a recovery waits for the end of one that the engine may be stopping still", async () => {
  for (const state of ["running", "paused"] as const) {
    const scene = new Scene();
    const user = scene.user("app", state);
    await scene.stopped
      .stop(await scene.users(), () => {
        scene.client.failNext(/\/stop$/, NO_ANSWER);
        scene.client.failNext(/\/unpause$/, NO_ANSWER);
        return Promise.resolve();
      })
      .catch(() => {});
    const startedAt = user.startedAt;
    const [outcome] = await scene.byRecords().startAll();
    assert.equal(outcome?.outcome, "started");
    assert.equal(user.state, state);
    assert.notEqual(user.startedAt, startedAt, "it was stopped and started");
  }
});

test("a recovery leaves one alone that somebody has started since", async () => {
  for (const state of ["running", "paused"] as const) {
    const scene = new Scene();
    const user = scene.user("app", state);
    await scene.stop();
    scene.engine.startContainer(user.id);
    if (state === "paused") scene.engine.pauseContainer(user.id);
    const startedAt = user.startedAt;
    const [outcome] = await scene.byRecords().startAll();
    assert.equal(outcome?.outcome, "started");
    assert.equal(user.startedAt, startedAt);
    assert.equal(user.state, state);
  }
});

test("the downtime is made of what it took to stop, what came between, and the start", async (t) => {
  const scene = new Scene();
  const user = scene.user("app");
  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000));
  scene.engine.stopTakes = pause;
  const [outcome] = await inFastTime(t, async () => {
    await scene.stop();
    await pause();
    await pause();
    scene.client.gate = (call) => (call.endsWith(`${user.id}/start`) ? pause() : undefined);
    return scene.stopped.startAll();
  });
  assert.ok(outcome);
  const { downtimeMs, stoppingMs, swappingMs, startingMs } = outcome;
  assert.equal(stoppingMs + swappingMs + startingMs, downtimeMs);
  const seconds = [stoppingMs, swappingMs, startingMs].map((ms) => Math.round(ms / 1000));
  assert.deepEqual(seconds, [1, 2, 3]);
});

test("a container is as before when it runs, or was at rest, with the policy that it had", async () => {
  const scene = new Scene();
  const user = scene.user("app", "running", { restart: "always" });
  await scene.stop();
  const [held] = scene.ledger.found().flatMap(({ text }) => parseRecord(text));
  assert.ok(held);
  const asBefore = (more: object = {}): Promise<boolean> =>
    isAsBefore(scene.client, { ...held, ...more }, new AbortController().signal);
  assert.equal(await asBefore(), false, "it is stopped");
  assert.equal(await asBefore({ active: false }), false, "its policy is another one");
  user.restartPolicy = policy("always");
  assert.equal(await asBefore(), false, "it is stopped");
  assert.equal(await asBefore({ active: false }), true);
  scene.engine.startContainer(user.id);
  assert.equal(await asBefore(), true);
  scene.engine.pauseContainer(user.id);
  assert.equal(await asBefore(), true);
});

test("a container that a stop would remove, or replace, is refused while it runs", async () => {
  const scene = new Scene();
  const { signal } = new AbortController();
  const refuse = async (): Promise<void> =>
    refuseUnstoppable(scene.client, await scene.users(), signal);
  scene.user("plain");
  await refuse();
  const rm = scene.user("rm", "created", { autoRemove: true });
  const swarm = scene.user("swarm", "created", {
    labels: { "com.docker.swarm.service.id": "x" },
  });
  await refuse();
  scene.engine.startContainer(swarm.id);
  await assert.rejects(refuse(), { kind: "refused", message: /^swarm .*swarm service/ });
  await scene.engine.stopContainer(swarm.id);
  scene.engine.startContainer(rm.id);
  await assert.rejects(refuse(), { kind: "refused", message: /^rm .*--rm/ });
});
