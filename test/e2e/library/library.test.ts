import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  DockformError,
  openDockform,
  type Dockform,
  type DockformEvent,
  type OpenOptions,
} from "../../../src/index.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { writeFiles } from "../archives.ts";
import { until } from "../cli-process.ts";
import { Sandbox } from "../harness.ts";

const engine = await testEngine();
const { skipUnlessPrivate: skip } = engine;

function open(sandbox: Sandbox, options: OpenOptions = {}): Promise<Dockform> {
  const env = { PATH: process.env["PATH"], DOCKER_HOST: sandbox.host };
  return openDockform({ folder: sandbox.folder, env, ...options });
}

/** Of an error that a call must end with. */
async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => assert.fail("it did not fail"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof DockformError, String(error));
  return error.code;
}

test("a program takes a snapshot, plans and makes a restore, and goes back", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const { name, folder } = await sandbox.volume("data");
  await writeFiles(folder, { file: "old" });
  await sandbox.declare(name);
  await using dockform = await open(sandbox);
  const [volume] = (await dockform.listVolumes()).filter((each) => each.volume === name);
  assert.deepEqual([volume?.declared, volume?.exists], [true, true]);
  const snapshot = await dockform.snapshot(name, { note: "by a program" });
  assert.deepEqual([snapshot.fileCount, snapshot.unchanged], [1, false]);
  const [listed] = await dockform.listSnapshots(name);
  assert.deepEqual([listed?.archive, listed?.note], [snapshot.archive, "by a program"]);
  const { entryCount, verifiedAt } = await dockform.verify(`${name}@latest`);
  assert.ok(verifiedAt !== undefined);

  await writeFiles(folder, { file: "new" });
  assert.equal(await codeOf(dockform.restore(name, "latest")), "volume.not-empty");
  const plan = await dockform.planRestore(name, "latest", { force: true, keepPrevious: true });
  assert.deepEqual([plan.entryCount, plan.createsVolume], [entryCount, false]);
  assert.equal(await readFile(join(folder, "file"), "utf8"), "new");
  const restored = await plan.run();
  assert.deepEqual([restored.keptPrevious, restored.containers], [true, []]);
  assert.equal(await readFile(join(folder, "file"), "utf8"), "old");
  await dockform.undo(name);
  assert.equal(await readFile(join(folder, "file"), "utf8"), "new");
  assert.deepEqual(await dockform.recover(), []);
});

test(
  "a plan restores the snapshot that it was made for, whatever came after it",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const { name, folder } = await sandbox.volume("data");
    await writeFiles(folder, { file: "first" });
    await using dockform = await open(sandbox);
    const { archive } = await dockform.snapshot(name);
    const plan = await dockform.planRestore(name, "latest", { force: true, undeclared: true });
    await writeFiles(folder, { file: "second" });
    await dockform.snapshot(name);
    assert.equal((await plan.run()).archive, archive);
    assert.equal(await readFile(join(folder, "file"), "utf8"), "first");
  },
);

test("what happens meanwhile comes as events", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const { name, folder } = await sandbox.volume("data");
  await writeFiles(folder, { file: randomBytes(8 << 20) });
  const events: DockformEvent[] = [];
  await using dockform = await open(sandbox, { on: (event) => events.push(event) });
  await dockform.snapshot(name);
  const ends = events.filter((event) => event.type === "progress" && event.ended);
  const end = ends.find((event) => event.type === "progress" && event.task.includes(name));
  assert.ok(end?.type === "progress" && end.bytes > 0, JSON.stringify(events));
  assert.ok(events.some((event) => event.type === "message" && event.level === "debug"));
  events.length = 0;
  await dockform.restore(name, "latest", { force: true, undeclared: true });
  const phases = events.flatMap((event) => (event.type === "phase" ? event.phase : []));
  const main = phases.filter((phase) => ["check", "extract", "swap"].includes(phase));
  assert.deepEqual(main, ["check", "extract", "swap"]);
});

test("a signal ends a call with its reason, and leaves nothing behind", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const { name, folder } = await sandbox.volume("data");
  await writeFiles(folder, { file: randomBytes(64 << 20) });
  await using dockform = await open(sandbox);
  const ended = await dockform
    .snapshot(name, { signal: AbortSignal.abort("before") })
    .catch(String);
  assert.equal(ended, "before");
  const interruption = new AbortController();
  const snapshot = dockform.snapshot(name, { signal: interruption.signal });
  snapshot.catch(() => {});
  await until("a helper is at work", async () => (await sandbox.helpers()).length > 0);
  interruption.abort("changed my mind");
  assert.equal(await snapshot.catch(String), "changed my mind");
  assert.deepEqual(await sandbox.helpers(), []);
  assert.equal(await codeOf(dockform.listSnapshots(name)), "snapshot.not-found");
});

test("closing ends what is under way, and waits for it", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const { name, folder } = await sandbox.volume("data");
  await writeFiles(folder, { file: randomBytes(64 << 20) });
  const dockform = await open(sandbox);
  const snapshot = codeOf(dockform.snapshot(name));
  await until("a helper is at work", async () => (await sandbox.helpers()).length > 0);
  await dockform[Symbol.asyncDispose]();
  assert.deepEqual(await sandbox.helpers(), []);
  assert.equal(await snapshot, "command.interrupted");
  assert.equal(await codeOf(dockform.listVolumes()), "command.interrupted");
});

test("a manifest that is not valid is told when it is opened", async () => {
  await using sandbox = await Sandbox.create(engine.host);
  await sandbox.manifest("volumes: [\n");
  assert.match(await codeOf(open(sandbox)), /^manifest\./);
});
