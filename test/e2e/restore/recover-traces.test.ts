import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { after, test } from "node:test";
import {
  createContainer,
  listContainers,
  removeContainer,
} from "../../../src/engine/containers.ts";
import { removeVolume } from "../../../src/engine/volumes.ts";
import {
  operationLabels,
  recordLabels,
  standInLabels,
  type Operation,
} from "../../../src/journal/operation.ts";
import { canStartPrivateEngine, startPrivateEngine } from "../../engine/private-engine.ts";
import { assertError, packFiles, writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import { until } from "../cli-process.ts";
import { type Interrupted, recover, assertWhole } from "../interrupted.ts";

/** An engine of its own: without a volume's name every volume of the engine is recovered. */
const skip = canStartPrivateEngine() ? false : "needs root on Linux";

const engine = skip === false ? await startPrivateEngine() : undefined;

after(() => engine?.stop());

const host = engine?.host ?? "";

test("of two volumes over one folder each can be recovered", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const folder = sandbox.path("shared");
  await writeFiles(folder, { file: "precious" });
  const driverOpts = { type: "none", o: "bind", device: folder };
  for (const name of ["one", "other"]) {
    const volume = await sandbox.volume(name, { driverOpts });
    const { Image } = await sandbox.waiting(volume.name);
    const definition = { Image, Cmd: ["sh"], Labels: standInLabels(elsewhere(volume.name)) };
    await createContainer(sandbox.engine, `dockform-interrupted-${volume.name}-1`, definition);
  }
  const { code, stderr } = await recover(sandbox);
  assert.equal(code, 0, stderr);
  assert.deepEqual(await sandbox.helpers(), []);
  assert.deepEqual(await readdir(folder), ["file"]);
});

/** What is left of a restore of a volume that was removed since; a container of another volume over its folder is down. */
async function interruptThenRemove(
  sandbox: Sandbox,
): Promise<Interrupted & { readonly gone: string }> {
  const folder = sandbox.path("shared");
  await writeFiles(folder, { old: "old" });
  const driverOpts = { type: "none", o: "bind", device: folder };
  const { name: gone } = await sandbox.volume("gone", { driverOpts });
  const { name } = await sandbox.volume("stays", { driverOpts });
  await sandbox.declare(gone, name);
  const Mounts = [{ Type: "volume", Source: name, Target: "/data" }];
  const hostConfig = { RestartPolicy: { Name: "always" }, Mounts };
  const user = await sandbox.running("user", await sandbox.waiting(name, { hostConfig }));
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const flags = ["--force", "--stop-containers", "--health-timeout", "0", "-v"];
  const restore = sandbox.start(["volume", "restore", gone, archive, ...flags]);
  await restore.said("phase: swap");
  await restore.whileStopped(async () => {
    const containers = await listContainers(sandbox.engine);
    const helper = containers.find((each) => each.name === `dockform-restore-${gone}`);
    assert.ok(helper);
    await removeContainer(sandbox.engine, helper.id);
    restore.signal("SIGKILL");
  });
  await restore.ended;
  await removeVolume(sandbox.engine, gone);
  return { into: { name, folder }, archive, userId: user.id, gone };
}

test("what was stopped for a volume that is gone is not forgotten", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { gone, ...left } = await interruptThenRemove(sandbox);
  assertError(await recover(sandbox, gone, "--json"), {
    exitCode: 1,
    message: /no longer exists, .*had stopped containers.*: \S+-user$/,
    hint: new RegExp(`dockform volume recover ${left.into.name}`),
  });
  const { code, stderr } = await recover(sandbox, left.into.name);
  assert.equal(code, 0, stderr);
  await recover(sandbox, gone);
  await assertWhole(sandbox, left);
});

test(
  "what was stopped for a volume that is gone is named where no other is there",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const gone = sandbox.name("gone");
    const { Image } = await sandbox.waiting(gone);
    const bare = await sandbox.container("bare", { Image, Cmd: ["sh"] });
    const restartPolicy = { Name: "on-failure", MaximumRetryCount: 3 };
    const held = [{ ...bare, active: true, restartPolicy }];
    const Labels = recordLabels("stopped-containers", gone, JSON.stringify(held));
    const record = { Image, Cmd: ["sh"], Labels };
    await createContainer(sandbox.engine, `dockform-stopped-${gone}-1`, record);
    const id = bare.id.slice(0, 12);
    assertError(await recover(sandbox, gone, "--json"), {
      exitCode: 1,
      message: new RegExp(`${bare.name}$`),
      hint: new RegExp(`docker update --restart on-failure:3 ${id}; docker start ${id}`),
    });
    await removeContainer(sandbox.engine, bare.id);
    const { code, stdout, stderr } = await recover(sandbox, gone);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /the volume no longer exists/);
    assert.deepEqual(await sandbox.helpers(), []);
  },
);

test("an operation that is alive is left alone", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { old: "old" });
  await sandbox.declare(into.name);
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const restore = sandbox.start(["volume", "restore", into.name, archive, "--force", "-v"]);
  await restore.said("phase: extract");
  await restore.whileStopped(async () => {
    assertError(await recover(sandbox, into.name, "--json"), {
      exitCode: 3,
      message: /^another client is working on volume .*: restore by .*, process \d+, since 20/,
      hint: /Nothing was touched/,
    });
    const all = await recover(sandbox);
    assert.equal(all.code, 0, all.stderr);
    assert.match(
      all.stderr,
      new RegExp(`Skipped: another client is working on volume "${into.name}": restore`),
    );
  });
  const { code, stderr } = await restore.ended;
  assert.equal(code, 0, stderr);
  assert.deepEqual(await readdir(into.folder), ["file"]);
});

/** An operation of another machine's. */
function elsewhere(volume: string): Operation {
  return {
    name: "restore",
    volume,
    client: "root@elsewhere, process 1",
    startedAt: "2026-11-24T05:31:11Z",
    staging: ".dockform-0123456789ab",
  };
}

test("a snapshot that begins in the middle, and gives way, stops nobody", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { old: "old" });
  await sandbox.declare(into.name);
  const slowToStop = { StopSignal: "SIGTERM", StopTimeout: 3 };
  const definition = await sandbox.waiting(into.name, slowToStop);
  await sandbox.running("user", definition);
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const flags = ["--force", "--stop-containers", "--health-timeout", "0", "--keep-previous"];
  const restore = sandbox.start(["volume", "restore", into.name, archive, ...flags]);
  await restore.said("Stopping");
  // Its helper, as long as it takes that to see the other one.
  const snapshot: Operation = { ...elsewhere(into.name), name: "snapshot", staging: undefined };
  const { Image, Entrypoint, OpenStdin } = definition;
  const Labels = operationLabels(snapshot);
  await sandbox.running("reader", { Image, Entrypoint, OpenStdin, Cmd: ["read line"], Labels });
  const { code, stdout, stderr } = await restore.ended;
  assert.equal(code, 0, stderr);
  assert.match(stdout, /To go back:\n +dockform volume undo/);
  const list = await sandbox.dockform(["volume", "list", "--json"]);
  assert.match(list.stdout, /"kept"|kept_/);
});

test("a lock whose client died before it could begin is taken away", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await sandbox.declare(into.name);
  const { Image } = await sandbox.waiting(into.name);
  const labels = operationLabels(elsewhere(into.name));
  const definition = { Image, Cmd: ["sh"], Labels: labels };
  await createContainer(sandbox.engine, `dockform-restore-${into.name}`, definition);
  const archive = await packFiles(sandbox.folder, { file: "new" });
  assertError(await sandbox.dockform(["volume", "restore", into.name, archive, "--json"]), {
    exitCode: 3,
    message:
      /another client is working on volume .* root@elsewhere, process 1, since 2026-11-24T05:31:11Z/,
    hint: /If its client died before it could begin, `dockform volume recover/,
  });
  const { code, stderr } = await recover(sandbox);
  assert.equal(code, 0, stderr);
  await sandbox.restore(into.name, archive);
  assert.deepEqual(await readdir(into.folder), ["file"]);
});

test(
  "what stands in for a dead helper is heeded, and goes with the recovery",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const into = await sandbox.volume("into");
    await sandbox.declare(into.name);
    const { Image } = await sandbox.waiting(into.name);
    // As a recovery leaves it that died between removing the dead helper and starting its own.
    const definition = { Image, Cmd: ["sh"], Labels: standInLabels(elsewhere(into.name)) };
    await createContainer(sandbox.engine, `dockform-interrupted-${into.name}-1`, definition);
    const archive = await packFiles(sandbox.folder, { file: "new" });
    assertError(await sandbox.dockform(["volume", "restore", into.name, archive, "--json"]), {
      exitCode: 3,
      message: /was interrupted: restore by root@elsewhere, process 1, since 2026-11-24T05:31:11Z/,
      hint: new RegExp(`dockform volume recover ${into.name}`),
    });
    const { code, stderr } = await recover(sandbox);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await sandbox.helpers(), []);
    await sandbox.restore(into.name, archive);
  },
);

test("the helper of a snapshot that died with the engine goes, too", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await sandbox.declare(into.name);
  const snapshot: Operation = { ...elsewhere(into.name), name: "snapshot", staging: undefined };
  const { Image, Entrypoint } = await sandbox.waiting(into.name);
  const Labels = operationLabels(snapshot);
  const dead = await sandbox.running("dead", { Image, Entrypoint, Cmd: ["exit 1"], Labels });
  await until("it has ended", async () => (await sandbox.state(dead.id)) === "exited");
  const { code, stderr } = await recover(sandbox);
  assert.equal(code, 0, stderr);
  assert.deepEqual(await sandbox.helpers(), []);
});

test("a container of somebody else's that has the lock's name is named", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await sandbox.declare(into.name);
  const { Image } = await sandbox.waiting(into.name);
  const lockName = `dockform-restore-${into.name}`;
  const foreign = await createContainer(sandbox.engine, lockName, { Image, Cmd: ["sh"] });
  const archive = await packFiles(sandbox.folder, { file: "new" });
  assertError(await sandbox.dockform(["volume", "restore", into.name, archive, "--json"]), {
    exitCode: 3,
    message: new RegExp(`^the name ${lockName} is taken`),
    hint: new RegExp(`docker ps --all --filter name=${lockName}`),
  });
  assert.equal(await sandbox.state(foreign), "created", "it is left alone");
  await removeContainer(sandbox.engine, foreign);
});
