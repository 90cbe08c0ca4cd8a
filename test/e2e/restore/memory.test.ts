/** Volumes whose file system is in memory, and lasts as long as something has it mounted. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { listContainers, removeContainer } from "../../../src/engine/containers.ts";
import { createVolume } from "../../../src/engine/volumes.ts";
import { canStartPrivateEngine, startPrivateEngine } from "../../engine/private-engine.ts";
import { run } from "../../oracle/host.ts";
import { assertError, packFiles, writeFiles } from "../archives.ts";
import { EngineProxy } from "../engine-proxy.ts";
import { FolderFileSystem } from "../folder-file-systems.ts";
import { Sandbox } from "../harness.ts";
import { until, type CliResult } from "../cli-process.ts";
import type { TestVolume } from "../engine-objects.ts";

/** An engine of its own, that can be killed. */
const skip = canStartPrivateEngine() ? false : "a private engine needs root on Linux";
const engine = skip === false ? await startPrivateEngine() : undefined;
after(() => engine?.stop());
const host = engine?.host ?? "";

const FLAGS = ["--undeclared", "--force", "--stop-containers", "--health-timeout", "0", "-v"];
const IN_MEMORY = { type: "tmpfs", device: "tmpfs", o: "size=16m" };
/** Says what it holds from its first start on. */
const WRITES_OLD = "[ -e /data/file ] || echo old >/data/file; exec sleep 1000000";

interface Setting {
  readonly into: TestVolume;
  readonly userId: string;
  readonly archive: string;
}

/** A volume in memory that holds "old", and a container that runs on it. */
async function setUp(
  sandbox: Sandbox,
  command = WRITES_OLD,
  name = sandbox.name("into"),
): Promise<Setting> {
  const definitionOfIt = { name, driver: "local", driverOpts: IN_MEMORY, labels: {} };
  const { mountpoint: folder } = await createVolume(sandbox.engine, definitionOfIt);
  const into = { name, folder };
  const definition = await sandbox.waiting(into.name, { Cmd: [command], OpenStdin: false });
  const { id } = await sandbox.running("user", definition);
  await until("it has written", () => holds(sandbox, id, "old"));
  return { into, userId: id, archive: await packFiles(sandbox.folder, { file: "new\n" }) };
}

async function holds(sandbox: Sandbox, userId: string, what: string): Promise<boolean> {
  return sandbox.readInside(userId, "/data/file").then(
    (text) => text === `${what}\n`,
    () => false,
  );
}

/** A restore whose client and helper are both dead from a phase on. */
async function dieIn(sandbox: Sandbox, phase: string, { into, archive }: Setting): Promise<void> {
  const restore = sandbox.start(["volume", "restore", into.name, archive, ...FLAGS]);
  await restore.said(`phase: ${phase}`);
  if (phase === "stop") {
    await restore.until("it has left word of what it stops", async () =>
      (await ours(sandbox)).some(({ name }) => name.includes("stopped-containers")),
    );
  }
  await restore.whileStopped(async () => {
    for (const { id } of (await ours(sandbox)).filter(({ name }) => name.includes("-restore-"))) {
      await sandbox.engine.json("POST", `/containers/${id}/kill`).catch(() => {});
    }
    restore.signal("SIGKILL");
  });
  await restore.ended;
  await helperEnded(sandbox);
}

async function helperEnded(sandbox: Sandbox): Promise<void> {
  await until("the helper has ended", async () =>
    (await ours(sandbox)).every(
      ({ name, state }) => !name.includes("-restore-") || state !== "running",
    ),
  );
}

async function ours(
  sandbox: Sandbox,
): Promise<readonly { id: string; name: string; state: string }[]> {
  const found = await listContainers(sandbox.engine, {
    filters: { label: ["io.dockform.helper"] },
  });
  return found.filter(({ name }) => name.includes(sandbox.prefix));
}

async function holderOf(sandbox: Sandbox): Promise<string> {
  const found = (await ours(sandbox)).find(({ name }) => name.includes("volume-in-memory"));
  assert.ok(found, "something holds the volume");
  return found.name;
}

function recover(sandbox: Sandbox, { name }: TestVolume): Promise<CliResult> {
  return sandbox.dockform(["volume", "recover", name, "--health-timeout", "0", "--json"]);
}

for (const phase of ["stop", "swap", "start"]) {
  test(`client and helper that die in ${phase} lose nothing in memory`, { skip }, async () => {
    await using sandbox = await Sandbox.create(host);
    const setting = await setUp(sandbox);
    await dieIn(sandbox, phase, setting);
    const { code, stdout, stderr } = await recover(sandbox, setting.into);
    assert.equal(code, 0, stderr);
    const { volumes }: { volumes: { contents: string }[] } = JSON.parse(stdout);
    const isOld = ["before", "whole"].includes(volumes[0]?.contents ?? "");
    const wanted = isOld ? "old" : "new";
    assert.equal(await sandbox.readInside(setting.userId, "/data/file"), `${wanted}\n`);
    assert.equal(await sandbox.state(setting.userId), "running");
    assert.deepEqual(await ours(sandbox), []);
  });
}

test("a container that was never stopped holds what it has in memory", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { into, userId, archive } = await setUp(sandbox);
  await using proxy = await EngineProxy.open(host, sandbox.path("proxy.sock"));
  proxy.stalling = new RegExp(`/containers/${userId}/stop`);
  const env = { DOCKER_HOST: proxy.host };
  const restore = sandbox.start(["volume", "restore", into.name, archive, ...FLAGS], { env });
  await restore.until("it would stop the container", async () =>
    proxy.calls.some(({ path }) => path.endsWith(`${userId}/stop`)),
  );
  restore.signal("SIGKILL");
  await restore.ended;
  await helperEnded(sandbox);
  // As the kernel may, where memory runs out.
  await sandbox.engine.json("POST", `/containers/${await holderOf(sandbox)}/kill`);
  await until("the holder is dead", async () =>
    (await ours(sandbox)).every(({ state }) => state !== "running"),
  );
  const recovery = await recover(sandbox, into);
  assert.equal(recovery.code, 0, recovery.stderr);
  assert.equal(await sandbox.readInside(userId, "/data/file"), "old\n");
  assert.equal(await sandbox.state(userId), "running");
  assert.deepEqual(await ours(sandbox), []);
});

test("what was in memory is lost with the engine, and recovery says so", { skip }, async () => {
  assert.ok(engine);
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const { archive } = await sandbox.snapshot(setting.into.name);
  await dieIn(sandbox, "swap", setting);
  await engine.crash();
  await engine.start();
  const doctor = await sandbox.dockform(["doctor"]);
  assert.match(doctor.stdout, /interrupted/);
  const lost = await recover(sandbox, setting.into);
  assertError(lost, { exitCode: 1, message: /in memory.*lost/, hint: new RegExp(archive) });
  assert.equal(await sandbox.state(setting.userId), "running");
  assert.deepEqual(await ours(sandbox), []);
  const again = await recover(sandbox, setting.into);
  assert.equal(again.code, 0, again.stderr);
  await sandbox.restore(setting.into.name, archive, FLAGS);
  assert.equal(await sandbox.readInside(setting.userId, "/data/file"), "old\n");
});

test("contents in memory are held where no container runs in the end", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  // It starts once, on nothing, and never again for long.
  const command =
    "[ ! -e /data/file ] || { sleep 2; exit 7; }; echo old >/data/file; exec sleep 1000000";
  const { into, userId, archive } = await setUp(sandbox, command);
  const flags = FLAGS.with(FLAGS.indexOf("0"), "5");
  const restore = await sandbox.dockform(["volume", "restore", into.name, archive, ...flags]);
  assert.equal(restore.code, 1, restore.stderr);
  const holder = await holderOf(sandbox);
  assert.match(restore.stderr, new RegExp(`${holder} holds its contents`));
  const still = await recover(sandbox, into);
  assert.match(still.stderr, new RegExp(`${holder} holds its contents`));
  const definition = await sandbox.waiting(into.name);
  const { id } = await sandbox.running("another", definition);
  assert.equal(await sandbox.readInside(id, "/data/file"), "old\n");
  const done = await recover(sandbox, into);
  assert.equal(done.code, 0, done.stderr);
  assert.equal(done.stderr, "");
  assert.equal(await sandbox.state(userId), "exited");
  assert.deepEqual(await ours(sandbox), []);
});

test(
  "an engine that forgets a mount under running containers loses nothing",
  { skip },
  async () => {
    await using live = await startPrivateEngine({ configuration: { "live-restore": true } });
    await using sandbox = await Sandbox.create(live.host);
    // The engine (20.10) never lets go of it again: not the sandbox's to remove.
    const setting = await setUp(sandbox, WRITES_OLD, `${sandbox.prefix}-into`);
    await dieIn(sandbox, "swap", setting);
    await live.crash();
    await live.start();
    const holder = await holderOf(sandbox);
    const found = await recover(sandbox, setting.into);
    assertError(found, { exitCode: 1, message: new RegExp(holder), hint: /docker exec .* tar/ });
    const { id } = (await ours(sandbox)).find(({ name }) => name === holder) ?? { id: "" };
    assert.equal(await sandbox.state(id), "running");
    await removeContainer(sandbox.engine, id);
    const then = await recover(sandbox, setting.into);
    assert.equal(then.code, 1, then.stderr);
    assert.deepEqual(await ours(sandbox), []);
  },
);

test("a bound folder in memory needs no container that runs", { skip }, async () => {
  assert.ok(engine);
  await using memory = await FolderFileSystem.tmpfs({
    bytes: 16 << 20,
    under: engine.temporaryFolder,
  });
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into", { driverOpts: memory.bind() });
  await writeFiles(memory.folder, { file: "old" });
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const user = await sandbox.running("user", await sandbox.waiting(into.name));
  await sandbox.restore(into.name, archive, FLAGS);
  assert.equal(await readFile(join(memory.folder, "file"), "utf8"), "new");
  assert.equal(await sandbox.state(user.id), "running");
  await sandbox.engine.json("POST", `/containers/${user.id}/kill`);
  await sandbox.restore(into.name, archive, FLAGS);
  assert.deepEqual(await ours(sandbox), []);
});

test("a client stops nothing once a recovery has ended its operation", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { into, userId, archive } = await setUp(sandbox);
  const restore = sandbox.start(["volume", "restore", into.name, archive, ...FLAGS]);
  await restore.said("phase: stop");
  await restore.whileStopped(async () => {
    for (const { id } of (await ours(sandbox)).filter(({ name }) => name.includes("-restore-"))) {
      await sandbox.engine.json("POST", `/containers/${id}/kill`);
    }
    await helperEnded(sandbox);
    const recovered = await sandbox.dockform(["volume", "recover", into.name]);
    assert.equal(recovered.code, 0, recovered.stderr);
  });
  const { code, stderr } = await restore.ended;
  assert.equal(code, 1, stderr);
  assert.match(stderr, /another client has ended the operation/);
  assert.equal(await sandbox.state(userId), "running", stderr);
  assert.ok(await holds(sandbox, userId, "old"));
  assert.deepEqual(await ours(sandbox), []);
});

test("contents are not called whole when what an operation left is gone", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { file: "old\n" });
  const user = await sandbox.running("user", await sandbox.waiting(into.name));
  const archive = await packFiles(sandbox.folder, { file: "new\n" });
  await dieIn(sandbox, "stop", { into, archive, userId: user.id });
  await run("sh", ["-c", 'rm -r "$0"/.dockform-*', into.folder]);
  const result = await recover(sandbox, into);
  assertError(result, { exitCode: 1, message: /cannot tell .*\.dockform-/, hint: /snapshot/ });
  assert.equal(await sandbox.state(user.id), "running");
  assert.deepEqual(await ours(sandbox), []);
  assert.equal((await recover(sandbox, into)).code, 0);
});

test("a tmpfs volume is restored under the container that holds it", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  await writeFiles(from.folder, { file: "new" });
  const { archive } = await sandbox.snapshot(from.name);
  const into = await sandbox.volume("into", {
    driverOpts: { type: "tmpfs", device: "tmpfs", o: "size=16m" },
  });
  const definition = await sandbox.waiting(into.name, {
    Cmd: ["[ -e /data/file ] || echo old >/data/file; read line"],
  });
  const user = await sandbox.running("user", definition);
  await until("it has written", async () =>
    sandbox.readInside(user.id, "/data/file").then(
      (text) => text === "old\n",
      () => false,
    ),
  );
  await sandbox.restore(into.name, archive, FLAGS);
  assert.equal(await sandbox.state(user.id), "running");
  assert.equal(await sandbox.readInside(user.id, "/data/file"), "new");
  assert.deepEqual(await ours(sandbox), []);
});

test(
  "a tmpfs volume that nobody holds would forget a restore at once, and says so",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const into = await sandbox.volume("into", { driverOpts: { type: "tmpfs", device: "tmpfs" } });
    const archive = await packFiles(sandbox.folder, { file: "new" });
    const args = ["volume", "restore", into.name, archive, ...FLAGS];
    const { code, stderr } = await sandbox.dockform(args);
    assert.ok(code === 3 || /warning: .*tmpfs/.test(stderr), `${code} ${stderr}`);
  },
);
