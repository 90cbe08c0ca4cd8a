import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { testEngine } from "../../engine/test-engine.ts";
import { EngineProxy } from "../engine-proxy.ts";
import { Sandbox } from "../harness.ts";
import { until } from "../cli-process.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

/** A little longer than a client may take to start the helper that it has created. */
const START_LIMIT_MS = 32_000;

test("what a snapshot leaves whose client was killed, later ones remove", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { name } = await sandbox.volume("from");
  await sandbox.snapshot(name);
  await using proxy = await EngineProxy.open(host, sandbox.path("proxy.sock"));
  proxy.stalling = /^\/containers\/\w+\/start$/;
  const args = ["volume", "snapshot", name];
  const killed = sandbox.start(args, { env: { DOCKER_HOST: proxy.host } });
  await until("the helper is about to be started", () =>
    proxy.calls.some(({ path }) => path.endsWith("/start")),
  );
  killed.signal("SIGKILL");
  await killed.ended;
  const [dead = ""] = await sandbox.helpers();
  assert.equal(await sandbox.state(dead), "created");
  assert.equal((await readdir(sandbox.temporaryFolder)).length, 1);

  // A client that lives has a folder, and a helper that it has just created.
  await sandbox.snapshot(name);
  assert.deepEqual(await readdir(sandbox.temporaryFolder), []);
  assert.deepEqual(await sandbox.helpers(), [dead]);
  const living = sandbox.start(args, { env: { DOCKER_HOST: proxy.host } });
  await until("another folder is there", async () => {
    return (await readdir(sandbox.temporaryFolder)).length === 1;
  });
  await sandbox.snapshot(name);
  assert.equal((await readdir(sandbox.temporaryFolder)).length, 1);
  living.signal("SIGKILL");
  await living.ended;

  await sleep(START_LIMIT_MS);
  await sandbox.snapshot(name);
  assert.deepEqual(await sandbox.leftBehind(), []);
});
