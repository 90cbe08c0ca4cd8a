/** Looks into volumes, by which `volume list`, `doctor` and `destroy` find out whether a record still counts. */
import assert from "node:assert/strict";
import { mkdir, rename } from "node:fs/promises";
import { test } from "node:test";
import { listContainers } from "../../../src/engine/containers.ts";
import { HelperSession } from "../../../src/helper/session.ts";
import { beginOperation } from "../../../src/lock/lock.ts";
import { isInVolume } from "../../../src/lock/look.ts";
import type { Tools } from "../../../src/tools.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { packFiles, writeFiles } from "../archives.ts";
import { EngineProxy } from "../engine-proxy.ts";
import { Sandbox } from "../harness.ts";
import type { CliProcess } from "../cli-process.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

const KEEP = ["--undeclared", "--force", "--keep-previous", "--discard-kept"];
const LIST = ["volume", "list", "--json"];

/** Has a volume keep something, and the engine say so. */
async function keep(sandbox: Sandbox, volume: TestVolume): Promise<void> {
  await writeFiles(volume.folder, { file: "old" });
  const archive = await packFiles(sandbox.folder, { file: "new" });
  await sandbox.restore(volume.name, archive, KEEP);
}

async function looks(sandbox: Sandbox): Promise<readonly string[]> {
  const containers = await listContainers(sandbox.engine);
  const own = containers.filter(({ name }) => name.startsWith(`dockform-look-${sandbox.prefix}`));
  return own.map(({ name }) => name);
}

/** A list that waits for an answer from a volume's file system. */
async function waitingList(sandbox: Sandbox, proxy: EngineProxy): Promise<CliProcess> {
  proxy.stalling = /\/archive$/;
  const list = sandbox.start(LIST, { env: { DOCKER_HOST: proxy.host } });
  await list.until("it looks", async () =>
    proxy.calls.some(({ path }) => path.endsWith("/archive")),
  );
  return list;
}

function keptIn(stdout: string): readonly string[] {
  const { volumes }: { volumes: { volume: string; kept: unknown }[] } = JSON.parse(stdout);
  return volumes.filter(({ kept }) => kept !== null).map(({ volume }) => volume);
}

for (const next of ["recover", "destroy", "restore"]) {
  test(`what a killed list leaves is in no way of ${next}`, { skip }, async () => {
    await using sandbox = await Sandbox.create(host);
    const labels = { "io.dockform.identifier": sandbox.prefix };
    const volume = await sandbox.volume("data", { labels });
    await sandbox.declare(volume.name);
    await keep(sandbox, volume);
    await using proxy = await EngineProxy.open(host, sandbox.path("proxy.sock"));
    const list = await waitingList(sandbox, proxy);
    list.signal("SIGKILL");
    await list.ended;
    assert.equal((await looks(sandbox)).length, 1);
    if (next === "restore") {
      await keep(sandbox, volume);
      return;
    }
    const doctor = await sandbox.dockform(["doctor"]);
    assert.match(doctor.stdout, new RegExp(`volume ${volume.name} .*look by`));
    const args =
      next === "recover"
        ? ["volume", "recover", volume.name]
        : ["destroy", "--skip-confirmation", "--no-snapshot"];
    const { code, stderr } = await sandbox.dockform(args);
    assert.equal(code, 0, stderr);
    assert.deepEqual(await looks(sandbox), []);
  });
}

test("a volume that cannot be looked into keeps no other from being listed", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const device = sandbox.path("disk");
  await mkdir(device);
  const driverOpts = { type: "none", o: "bind", device };
  const { name: unplugged } = await sandbox.volume("unplugged", { driverOpts });
  const labels = { "io.dockform.identifier": sandbox.prefix };
  const other = await sandbox.volume("other", { labels });
  await sandbox.declare(unplugged, other.name);
  await keep(sandbox, { name: unplugged, folder: device });
  await keep(sandbox, other);
  await rename(device, sandbox.path("elsewhere"));
  const list = await sandbox.dockform(LIST);
  assert.equal(list.code, 0, list.stderr);
  assert.deepEqual(keptIn(list.stdout), [other.name, unplugged].toSorted());
  const notes = list.stderr.split("\n").filter((line) => line.includes("cannot tell whether"));
  assert.equal(notes.length, 1, list.stderr);
  assert.match(notes[0] ?? "", new RegExp(`volume "${unplugged}" still holds \\.dockform-kept`));
  assert.deepEqual(await looks(sandbox), []);
  const discard = await sandbox.dockform([
    "volume",
    "undo",
    other.name,
    "--discard",
    "--skip-confirmation",
  ]);
  assert.equal(discard.code, 0, discard.stderr);
  const destroy = await sandbox.dockform(["destroy", "--skip-confirmation", "-v"]);
  assert.equal(destroy.code, 0, destroy.stderr);
  assert.doesNotMatch(destroy.stderr, new RegExp(unplugged));
});

test(
  "a server that does not answer holds up a list for a while, and no Ctrl-C",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const volume = await sandbox.volume("data");
    await keep(sandbox, volume);
    await using proxy = await EngineProxy.open(host, sandbox.path("proxy.sock"));
    const patient = await waitingList(sandbox, proxy);
    const { code, stdout, stderr } = await patient.ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /cannot tell whether/);
    assert.deepEqual(keptIn(stdout), [volume.name]);
    proxy.calls.length = 0;
    const interrupted = await waitingList(sandbox, proxy);
    const startMs = performance.now();
    interrupted.signal("SIGINT");
    assert.notEqual((await interrupted.ended).code, 0);
    assert.ok(performance.now() - startMs < 5000);
    assert.deepEqual(await looks(sandbox), []);
  },
);

test(
  "neither a look nor a helper makes a volume that was removed in the meantime",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const volume = await sandbox.volume("data");
    await keep(sandbox, volume);
    const containers = await listContainers(sandbox.engine);
    const record = containers.find(
      ({ labels }) => labels["io.dockform.helper.volume"] === volume.name,
    );
    assert.ok(record);
    const tools: Tools = {
      log: { debug: () => {}, info: () => {}, warn: assert.fail },
      emit: () => assert.fail(),
      startProgress: assert.fail,
      startWait: assert.fail,
      now: () => new Date(),
      signal: AbortSignal.timeout(60_000),
      version: "0",
      temporaryFolder: sandbox.temporaryFolder,
      client: "a test",
      runsHere: () => false,
    };
    const gone = sandbox.name("gone");
    const found = {
      containerId: record.id,
      containerName: record.name,
      state: record.state,
      name: "kept-contents",
      volume: gone,
      text: "",
    } as const;
    const { engine } = sandbox;
    assert.equal(await isInVolume({ engine, containers, tools }, found, ".dockform-kept"), false);
    assert.equal(await sandbox.volumeExists(gone), false);
    for (const name of ["snapshot", "restore"] as const) {
      const opening = HelperSession.open(engine, {
        ...tools,
        image: record.imageId,
        name: `dockform-${name}-${gone}`,
        operation: beginOperation(name, gone, tools),
        capabilities: [],
      });
      await assert.rejects(opening, /was removed in the meantime/);
      assert.equal(await sandbox.volumeExists(gone), false);
    }
    assert.deepEqual(await looks(sandbox), []);
  },
);
