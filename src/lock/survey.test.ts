import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { LOCK, LockScene } from "../../test/fakes/lock-scene.ts";
import { listContainers } from "../engine/containers.ts";
import {
  operationLabels,
  readJournal,
  recordLabels,
  type Operation,
} from "../journal/operation.ts";
import { interrupted, refuseInterrupted } from "./refusals.ts";

const limit = (): AbortSignal => new AbortController().signal;

test("a survey shows who uses the volume, and what the engine knows of it, without oneself", async () => {
  const scene = new LockScene();
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
  const scene = new LockScene();
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
  const other = new LockScene();
  other.holder("running", 0, snapshot);
  other.engine.container(LOCK);
  const [container] = other.engine.ours;
  assert.ok(container);
  other.engine.containers.delete(container.id);
  other.foreign("dockform-snapshot-data", labels, "running");
  await using second = await other.lock();
  await assert.rejects(second.survey(limit()), /working on volume "data": snapshot by another/);
});

test("a writer that comes by another name of the files is seen each time, a reader at first alone", async () => {
  const scene = new LockScene();
  scene.engine.createVolume("alias", { options: { device: "/volumes/data/_data" } });
  const began = (name: "restore" | "snapshot"): string => {
    const at = { client: "another", startedAt: "2026-01-01T00:00:00Z", staging: undefined };
    const labels = operationLabels({ name, volume: "alias", ...at });
    return scene.foreign(`dockform-${name}-alias`, labels, "running");
  };
  await using lock = await scene.lock();
  await lock.survey(limit());
  began("snapshot");
  await lock.survey(limit());
  began("restore");
  await assert.rejects(lock.survey(limit()), /working on volume "alias": restore by another/);
});

test("what was cut short on the volume itself is shown, for whoever asks to decide", async () => {
  const scene = new LockScene();
  await using lock = await scene.lock();
  const labels = operationLabels({
    name: "restore",
    volume: "data",
    client: "another",
    startedAt: "2026-01-01T00:00:00Z",
    staging: ".dockform-0123456789ab",
  });
  const word = scene.foreign("dockform-interrupted-data-01234567", labels, "exited", 3);
  const { journal } = await lock.survey(limit());
  assert.deepEqual(
    journal.operations.map(({ containerId, standing }) => [containerId, standing]),
    [[word, "interrupted"]],
  );
});

test("the files of a volume are surveyed by whichever name they are reached", async () => {
  const scene = new LockScene();
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
  await assert.rejects(lock.survey(limit()), /working on volume "alias"/);
  await scene.engine.removeContainer(alive, true);
  const dead = scene.foreign("dockform-restore-alias", labels("restore"), "exited", 3);
  await assert.rejects(lock.survey(limit()), {
    message: /^an operation on volume "alias" was interrupted/,
    advice: [{ code: "recover", volume: "alias", when: "interrupted" }],
  });
  await scene.engine.removeContainer(dead, true);
  scene.foreign("word", recordLabels("stopped-containers", "alias", "[]"));
  await assert.rejects(lock.survey(limit()), /"alias" was interrupted: the containers that it/);
});

test("a recovery does not mind what was cut short under another name", async () => {
  const scene = new LockScene();
  scene.engine.createVolume("alias", { options: { device: "/volumes/data/_data" } });
  await using lock = await scene.lock("recover");
  scene.foreign("word", recordLabels("stopped-containers", "alias", "[]"));
  const { journal } = await lock.survey(limit());
  assert.deepEqual(journal.records, [], "it is not this volume's");
});

test("what was interrupted is told of by the helper, by a record, or not at all", async () => {
  const scene = new LockScene();
  const journal = async () => readJournal(await listContainers(new FakeClient(scene.engine)));
  refuseInterrupted(await journal());
  scene.foreign("word", recordLabels("stopped-containers", "data", "[]"));
  const left = await journal();
  assert.throws(() => refuseInterrupted(left), /"data" was interrupted: the containers that it/);
  scene.holder("exited", 3);
  const both = await journal();
  assert.throws(() => refuseInterrupted(both), /"data" was interrupted: restore by another/);
  assert.match(interrupted(undefined, "data").message, /its files, are still as it left them/);
});
