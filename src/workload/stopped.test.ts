import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRecord } from "./held.ts";
import { refuseUnstoppable } from "./unstoppable.ts";
import { StoppingScene } from "../../test/fakes/stopping.ts";

test("without a container to hold nothing is recorded, and nobody is asked to hold on", async () => {
  const scene = new StoppingScene();
  scene.user("at rest", "created", { restart: "unless-stopped" });
  await scene.stop(assert.fail);
  assert.equal(scene.ledger.made, 0);
  assert.deepEqual(scene.stopped.names(), []);
});

test("a record is there before anybody is asked to hold on, and that before the first stop", async () => {
  const scene = new StoppingScene();
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
  const scene = new StoppingScene();
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
  const scene = new StoppingScene();
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
  const scene = new StoppingScene();
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
  const scene = new StoppingScene();
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
  const scene = new StoppingScene();
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
  const scene = new StoppingScene();
  const user = scene.user("app");
  scene.client.failNext(/\/json$/, 500);
  await assert.rejects(scene.stop(), /told to fail/);
  assert.equal(user.state, "running");
  assert.equal(scene.ledger.made, 0);
});

test("one that does not stop is a failure, and the others are known all the same", async () => {
  const scene = new StoppingScene();
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
  const scene = new StoppingScene();
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
  const scene = new StoppingScene();
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
  const scene = new StoppingScene();
  scene.user("other", "running", { autoRemove: false });
  const user = scene.user("app", "running", { network: "container:other" });
  await scene.stop();
  await scene.engine.removeContainer("other", true);
  const outcomes = await scene.stopped.startAll();
  const outcome = outcomes.find(({ id }) => id === user.id);
  assert.equal(outcome?.outcome, "failed");
  assert.match(outcome.problem ?? "", /No such container: other/);
});

test("a container that a stop would remove, or replace, is refused while it runs", async () => {
  const scene = new StoppingScene();
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
