import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isNotFound } from "../../../src/engine/client.ts";
import { inspectContainer, removeContainer } from "../../../src/engine/containers.ts";
import { objectOf, text } from "../../../src/engine/shape.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { run } from "../../oracle/host.ts";
import { Sandbox } from "../harness.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

test("a container whose folder the engine cannot delete at once is removed", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { engine } = sandbox;
  const { name: volume } = await sandbox.volume("data");
  const { id } = await sandbox.container("busy", await sandbox.waiting(volume));
  const { DockerRootDir } = await engine.ask("GET", "/info", objectOf({ DockerRootDir: text }));
  const busyFile = join(DockerRootDir, "containers", id, "config.v2.json");
  await run("chattr", ["+i", busyFile]);
  const release = async (): Promise<void> => {
    await sleep(300);
    await run("chattr", ["-i", busyFile]);
  };
  await Promise.all([removeContainer(engine, id), release()]);
  await assert.rejects(inspectContainer(engine, id), isNotFound);
});
