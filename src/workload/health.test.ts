import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import type { FakeContainer, Health } from "../../test/fakes/container.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { inFastTime } from "../../test/fakes/time.ts";
import { findUnhealthy, type UnhealthyContainer } from "./health.ts";
import type { ContainerOutcome } from "./stopped.ts";

const STEADY_MS = 5000;

interface Scene {
  readonly engine: FakeEngine;
  readonly client: FakeClient;
  readonly container: FakeContainer;
}

/** A container that was started a moment ago. */
function started(health?: Health, script = "read line"): Scene {
  const engine = new FakeEngine();
  const container = engine.createContainer("app", {
    Image: "app:1",
    Entrypoint: ["sh", "-c"],
    Cmd: [script],
  });
  engine.startContainer(container.id);
  container.health = health;
  return { engine, client: new FakeClient(engine), container };
}

function outcomeOf(
  { id, name }: FakeContainer,
  more: Partial<ContainerOutcome> = {},
): ContainerOutcome {
  return {
    id,
    name,
    outcome: "started",
    problem: undefined,
    paused: false,
    downtimeMs: 0,
    stoppingMs: 0,
    swappingMs: 0,
    startingMs: 0,
    ...more,
  };
}

/** What is found, and how long that took. */
async function watch(
  t: TestContext,
  { client, container }: Scene,
  timeoutMs = 60_000,
  more: Partial<ContainerOutcome> = {},
): Promise<{ readonly unhealthy: readonly UnhealthyContainer[]; readonly tookMs: number }> {
  return inFastTime(t, async () => {
    const beganMs = performance.now();
    const signal = new AbortController().signal;
    const unhealthy = await findUnhealthy(client, [outcomeOf(container, more)], timeoutMs, signal);
    return { unhealthy, tookMs: performance.now() - beganMs };
  });
}

/** Has something happen to a container when the engine has been asked about it so many times. */
function at(client: FakeClient, looks: number, act: () => void): void {
  let seen = 0;
  client.gate = (call, moment) => {
    if (moment === "asking" && call.endsWith("/json")) {
      seen += 1;
      if (seen === looks) act();
    }
  };
}

function probed(Status: Health["Status"], ...outputs: readonly string[]): Health {
  return { Status, Log: outputs.map((Output) => ({ Output })) };
}

test("without a timeout nothing is asked", async (t) => {
  const scene = started(probed("unhealthy"));
  assert.deepEqual((await watch(t, scene, 0)).unhealthy, []);
  assert.deepEqual(scene.client.calls, []);
});

test("one without a health check is well once it has run for some seconds, and not before", async (t) => {
  const { unhealthy, tookMs } = await watch(t, started());
  assert.deepEqual(unhealthy, []);
  assert.ok(tookMs >= STEADY_MS && tookMs < STEADY_MS + 1000, `${tookMs} ms`);
});

test("a timeout below that is enough for one that ran all the time", async (t) => {
  const { unhealthy, tookMs } = await watch(t, started(), 1000);
  assert.deepEqual(unhealthy, []);
  assert.ok(tookMs >= 1000 && tookMs < 2000, `${tookMs} ms`);
});

test("one with a health check is well as soon as it is healthy", async (t) => {
  const scene = started(probed("starting"));
  at(scene.client, 5, () => (scene.container.health = probed("healthy")));
  const { unhealthy, tookMs } = await watch(t, scene);
  assert.deepEqual(unhealthy, []);
  assert.ok(tookMs < STEADY_MS, `${tookMs} ms`);
});

test("one that its probe finds unhealthy is told at once, with what its probe said last", async (t) => {
  const probe = probed("unhealthy", "first", "on the way\nno database\n");
  const { unhealthy, tookMs } = await watch(t, started(probe));
  assert.deepEqual(unhealthy, [
    { name: "app", symptom: "unhealthy (no database)", lastLines: [""] },
  ]);
  assert.ok(tookMs < 1000, `${tookMs} ms`);
  const silent = await watch(t, started(probed("unhealthy", " \n")));
  assert.equal(silent.unhealthy[0]?.symptom, "unhealthy");
});

test("one that never gets healthy is unhealthy when the time is over", async (t) => {
  const { unhealthy, tookMs } = await watch(t, started(probed("starting")), 20_000);
  assert.equal(unhealthy[0]?.symptom, "not healthy yet after 20 s");
  assert.ok(tookMs >= 20_000 && tookMs < 21_000, `${tookMs} ms`);
});

test("one that has ended is unhealthy at once, with its exit code and its last lines", async (t) => {
  const scene = started();
  await scene.client.json("POST", `/containers/${scene.container.id}/kill`);
  scene.container.log.push(frame("one\r\ntwo\nthree\nfour\nfive\nsix\n"));
  const { unhealthy } = await watch(t, scene);
  const lastLines = ["two", "three", "four", "five", "six"];
  assert.deepEqual(unhealthy, [{ name: "app", symptom: "exited with code 137", lastLines }]);
});

test("a log that cannot be read is said to be that", async (t) => {
  const scene = started(probed("unhealthy"));
  scene.client.failNext(/\/logs$/, 500);
  const { unhealthy } = await watch(t, scene);
  assert.match(unhealthy[0]?.lastLines[0] ?? "", /^its log cannot be read: .*told to fail/);
});

test("one that restarts has to run for the whole time after that", async (t) => {
  const scene = started();
  at(scene.client, 30, () => (scene.container.startedAt = scene.engine.now()));
  const { unhealthy, tookMs } = await watch(t, scene);
  assert.deepEqual(unhealthy, []);
  assert.ok(tookMs >= STEADY_MS + 2900, `${tookMs} ms`);
});

/** Has a container start again at every so many looks. */
function restartsEvery({ client, container, engine }: Scene, looks: number): void {
  let seen = 0;
  client.gate = (call, moment) => {
    if (moment !== "asking" || !call.endsWith("/json")) return;
    seen += 1;
    if (seen % looks === 0) container.startedAt = engine.now();
  };
}

test("one that crashes again and again is unhealthy long before the time is over", async (t) => {
  const scene = started();
  restartsEvery(scene, 2);
  scene.container.restartCount = 17;
  const { unhealthy, tookMs } = await watch(t, scene);
  assert.equal(unhealthy[0]?.symptom, "restarted 17 times");
  assert.ok(tookMs < 3000, `${tookMs} ms`);
});

test("the same where its health check has said nothing yet", async (t) => {
  const scene = started(probed("starting"));
  restartsEvery(scene, 2);
  const { unhealthy, tookMs } = await watch(t, scene);
  assert.equal(unhealthy[0]?.symptom, "restarted 0 times");
  assert.ok(tookMs < 3000, `${tookMs} ms`);
});

test("one whose runs last is watched until the time is over", async (t) => {
  const scene = started(probed("starting"));
  restartsEvery(scene, 60);
  const { unhealthy } = await watch(t, scene);
  assert.equal(unhealthy[0]?.symptom, "not healthy yet after 60 s");
});

test("one that is between two runs is not unhealthy before the time is over", async (t) => {
  const scene = started();
  scene.container.state = "restarting";
  scene.container.exitCode = 2;
  at(scene.client, 20, () => (scene.container.state = "running"));
  assert.deepEqual((await watch(t, scene)).unhealthy, []);
  scene.container.state = "restarting";
  const { unhealthy } = await watch(t, scene, 2000);
  assert.equal(unhealthy[0]?.symptom, "restarting, last exit code 2 after 2 s");
});

test("a container that is dead is unhealthy at once", async (t) => {
  const scene = started();
  scene.container.state = "dead";
  assert.equal((await watch(t, scene)).unhealthy[0]?.symptom, "dead with code 0");
});

test("one that was not started is unhealthy without a look, and one that is gone or paused is not", async (t) => {
  const scene = started(probed("unhealthy"));
  const failed = await watch(t, scene, 1000, { outcome: "failed", problem: "no port" });
  assert.deepEqual(failed.unhealthy, [
    { name: "app", symptom: "not started: no port", lastLines: [] },
  ]);
  assert.deepEqual((await watch(t, scene, 1000, { outcome: "gone" })).unhealthy, []);
  assert.deepEqual((await watch(t, scene, 1000, { paused: true })).unhealthy, []);
  assert.deepEqual(scene.client.calls, []);
});

test("an interruption ends the watch", async () => {
  const { client, container } = started();
  const interruption = new AbortController();
  const watched = findUnhealthy(client, [outcomeOf(container)], 60_000, interruption.signal);
  interruption.abort(new Error("enough"));
  await assert.rejects(watched);
});

function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  const header = Buffer.alloc(8);
  header.writeUInt8(1, 0);
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}
