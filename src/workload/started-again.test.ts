import assert from "node:assert/strict";
import { test } from "node:test";
import { inFastTime } from "../../test/fakes/time.ts";
import { isAsBefore, parseRecord } from "./held.ts";
import { policy, NO_ANSWER, nobodyElse, StoppingScene } from "../../test/fakes/stopping.ts";

const LEFT_OVER = new Error("failed to create task: id already in use");

test("an engine that still removes what died with it is asked again", async (t) => {
  const scene = new StoppingScene();
  const user = scene.user("app");
  await scene.stop();
  scene.client.failNext(/\/start$/, LEFT_OVER, LEFT_OVER, LEFT_OVER, LEFT_OVER);
  const [outcome] = await inFastTime(t, () => scene.stopped.startAll());
  assert.equal(outcome?.outcome, "started");
  assert.equal(user.state, "running");
});

test("what an engine that was killed never removes is said to be that", async (t) => {
  const scene = new StoppingScene();
  scene.user("app");
  await scene.stop();
  scene.client.failNext(/\/start$/, ...Array.from({ length: 1000 }, () => LEFT_OVER));
  const [outcome] = await inFastTime(t, () => scene.stopped.startAll());
  assert.match(outcome?.problem ?? "", /already in use \(left by an engine that died/);
});

test("an engine that answers no is believed, and the record goes", async () => {
  const scene = new StoppingScene();
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
  const scene = new StoppingScene();
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
  const scene = new StoppingScene();
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
    const scene = new StoppingScene();
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
  const scene = new StoppingScene();
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
  const scene = new StoppingScene();
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
    const scene = new StoppingScene();
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
    const scene = new StoppingScene();
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
  const scene = new StoppingScene();
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
  const scene = new StoppingScene();
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
