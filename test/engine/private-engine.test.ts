import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Duplex } from "node:stream";
import { EngineClient, isConflict } from "../../src/engine/client.ts";
import {
  createContainer,
  execInContainer,
  inspectContainer,
  pauseContainer,
  startContainer,
  unpauseContainer,
} from "../../src/engine/containers.ts";
import { importImage } from "../../src/engine/images.ts";
import { demultiplex } from "../../src/engine/multiplex.ts";
import { createVolume, listVolumes } from "../../src/engine/volumes.ts";
import { packHostRootfs } from "../../src/helper/host-rootfs.ts";
import { canStartPrivateEngine, PrivateEngine, startPrivateEngine } from "./private-engine.ts";

const skip = !canStartPrivateEngine() && "a private engine needs root on Linux";

test("a private engine runs, pauses, enters and stops containers", { skip }, async () => {
  await using engine = await startPrivateEngine();
  const client = await clientWithImage(engine);
  const id = await runSleeper(client, "subject", { ReadonlyRootfs: true, Tmpfs: { "/tmp": "" } });

  await pauseContainer(client, id);
  assert.equal((await inspectContainer(client, id)).State.Status, "paused");
  await unpauseContainer(client, id);

  const command = ["sh", "-c", "echo inside >/tmp/file && cat /tmp/file; echo no >/file"];
  const output = demultiplex(await execOnceUnpaused(client, id, command));
  const [stdout, stderr] = await Promise.all([text(output.stdout), text(output.stderr)]);
  assert.equal(stdout, "inside\n");
  assert.match(stderr, /Read-only file system/);

  await client.json("POST", `/containers/${id}/stop`);
  assert.equal((await inspectContainer(client, id)).State.Status, "exited");
  client.close();
});

test("private engines share nothing with each other", { skip }, async () => {
  const engines = await Promise.all([startPrivateEngine(), startPrivateEngine()]);
  const [first, second] = engines.map(clientOf);
  assert.ok(first && second);
  await createVolume(first, { name: "mine", driver: "local", driverOpts: {}, labels: {} });
  assert.equal((await listVolumes(first)).length, 1);
  assert.equal((await listVolumes(second)).length, 0);
  first.close();
  second.close();
  await Promise.all(engines.map((engine) => engine.stop()));
  for (const engine of engines) assert.deepEqual(await remains(engine.folder), []);
});

/** An engine can hear of a pause after it has ended it, and takes the container for paused a moment longer. */
async function execOnceUnpaused(
  client: EngineClient,
  id: string,
  command: readonly string[],
): Promise<Duplex> {
  for (;;) {
    try {
      return await execInContainer(client, id, { command, stdin: false });
    } catch (error) {
      if (!isConflict(error)) throw error;
      await sleep(50);
    }
  }
}

const SLEEPS = "while :; do sleep 0.1; done";

test("a crashed engine starts again on its data", { skip }, async () => {
  await using engine = await startPrivateEngine();
  const client = await clientWithImage(engine);
  const id = await runSleeper(client, "survivor", {});
  client.close();

  await engine.crash();
  assert.equal(await engine.pid(), undefined);
  assert.notDeepEqual(await processesOf(engine, SLEEPS), [], "the container runs on");
  await engine.start();
  await assertStartsAgain(engine, id);
});

test("an engine whose power was cut starts again on its data", { skip }, async () => {
  await using engine = await startPrivateEngine();
  const client = await clientWithImage(engine);
  const id = await runSleeper(client, "victim", { Tmpfs: { "/tmp": "" } });
  const always = await runSleeper(client, "always", { RestartPolicy: { Name: "always" } });
  client.close();

  await engine.cutPower();
  assert.deepEqual(await processesOf(engine, SLEEPS), []);
  await engine.start();
  await assertStartsAgain(engine, id);
  const again = clientOf(engine);
  assert.equal((await inspectContainer(again, always)).State.Status, "running");
  again.close();
});

async function assertStartsAgain(engine: PrivateEngine, id: string): Promise<void> {
  const client = clientOf(engine);
  assert.equal((await inspectContainer(client, id)).State.Status, "exited");
  await startContainer(client, id);
  assert.equal((await inspectContainer(client, id)).State.Status, "running");
  client.close();
}

test("nothing is left when the process that started an engine is killed", { skip }, async () => {
  const { child, folder } = await startInAnotherProcess();
  const client = new EngineClient({ context: "test", host: `unix://${folder}/docker.sock` });
  await importSleeper(client);
  await runSleeper(client, "orphan", {});
  client.close();
  assert.notDeepEqual(await remains(folder), []);

  child.kill("SIGKILL");
  await once(child, "exit");
  const deadline = Date.now() + 20_000;
  while ((await remains(folder)).length > 0 && Date.now() < deadline) await sleep(100);
  assert.deepEqual(await remains(folder), []);
});

test("an engine with a paused container leaves nothing, either", { skip }, async () => {
  const engine = await startPrivateEngine();
  const client = await clientWithImage(engine);
  await pauseContainer(client, await runSleeper(client, "paused", {}));
  client.close();
  await engine.cutPower();
  assert.deepEqual(await processesOf(engine, SLEEPS), []);
  await engine.start();
  const again = clientOf(engine);
  await pauseContainer(again, await runSleeper(again, "paused-too", {}));
  again.close();
  await engine.stop();
  assert.deepEqual(await remains(engine.folder), []);
});

test("an engine that does not start shows the end of its log", { skip }, async () => {
  const folder = await mkdtemp("/var/tmp/dockform-engine-");
  await using engine = await PrivateEngine.launch(folder);
  await writeFile(join(folder, "daemon.json"), "no JSON");
  await assert.rejects(engine.start(), /dockerd ended with 1[^]*unable to configure/);
});

function clientOf(engine: PrivateEngine): EngineClient {
  return new EngineClient({ context: "test", host: engine.host });
}

async function clientWithImage(engine: PrivateEngine): Promise<EngineClient> {
  const client = clientOf(engine);
  await importSleeper(client);
  return client;
}

/** An image of this machine's shell, cat and sleep. */
async function importSleeper(client: EngineClient): Promise<void> {
  const tools = new Map(["sh", "cat", "sleep"].map((name) => [name, `/bin/${name}`]));
  await using rootfs = await packHostRootfs({ tag: "sleeper", tools }, tmpdir(), {
    debug() {},
    info() {},
    warn() {},
  });
  await importImage(client, rootfs.stream, { repository: "sleeper", tag: "1", changes: [] });
}

async function runSleeper(
  client: EngineClient,
  name: string,
  hostConfig: Readonly<Record<string, unknown>>,
): Promise<string> {
  const id = await createContainer(client, name, {
    Image: "sleeper:1",
    Cmd: ["sh", "-c", `trap 'exit 0' TERM; ${SLEEPS}`],
    HostConfig: hostConfig,
  });
  await startContainer(client, id);
  return id;
}

async function startInAnotherProcess(): Promise<{
  readonly child: ReturnType<typeof spawn>;
  readonly folder: string;
}> {
  const module = JSON.stringify(join(import.meta.dirname, "private-engine.ts"));
  const script = `
    const { startPrivateEngine } = await import(${module});
    console.log((await startPrivateEngine()).folder);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const folder of createInterface(child.stdout)) return { child, folder };
  throw new Error("the other process ended before its engine was up");
}

/** The processes of an engine's containers whose command line contains a text. */
async function processesOf({ folder }: PrivateEngine, part: string): Promise<readonly string[]> {
  return (await processesBelow(folder)).filter((process) => process.includes(part));
}

async function processesBelow(folder: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir("/proc")) {
    const commandLine = await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "");
    const cgroup = await readFile(`/proc/${entry}/cgroup`, "utf8").catch(() => "");
    if (commandLine.includes(folder) || cgroup.includes(basename(folder))) {
      found.push(`process ${entry}: ${commandLine}`);
    }
  }
  return found;
}

/** What there is of an engine on this machine: processes, mounts, cgroups, its folder. */
async function remains(folder: string): Promise<readonly string[]> {
  const found = [...(await processesBelow(folder))];
  for (const line of (await readFile("/proc/self/mountinfo", "utf8")).split("\n")) {
    if (line.includes(folder)) found.push(`mount: ${line}`);
  }
  const cgroups = await readdir("/sys/fs/cgroup", { withFileTypes: true });
  const controllers = cgroups.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  for (const controller of [".", ...controllers]) {
    const path = join("/sys/fs/cgroup", controller, basename(folder));
    if (await exists(path)) found.push(`cgroup: ${path}`);
  }
  if (await exists(folder)) found.push(`folder: ${folder}`);
  return found;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
