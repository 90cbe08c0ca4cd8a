import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { startPrivateEngine } from "../../engine/private-engine.ts";
import { Container, EngineApi } from "../../images/engine-api.ts";
import { packFiles, writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import { until, type CliProcess } from "../cli-process.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

/** Its patience is 12 seconds then, a little more than the 10 from one sign of life to the next. */
const IMPATIENT = "beat_seconds=2";
const UNTIL_HEALTHY_S = 20;

const SECOND_NS = 1e9;
const SLOW_TO_GET_WELL = {
  Cmd: [`(sleep ${UNTIL_HEALTHY_S}; : >/well) & read line`],
  Healthcheck: {
    Test: ["CMD-SHELL", "[ -e /well ]"],
    Interval: SECOND_NS,
    StartPeriod: 60 * SECOND_NS,
  },
};

interface Watched {
  readonly sandbox: Sandbox;
  readonly folder: string;
  readonly volume: string;
  readonly restore: CliProcess;
}

/** A restore whose helper soon loses patience, in the phase in which containers prove their health. */
async function restoring(sandbox: Sandbox): Promise<Watched> {
  const main = await sandbox.flawed(IMPATIENT);
  const { name, folder } = await sandbox.volume("into");
  await writeFiles(folder, { old: "old" });
  await sandbox.declare(name);
  await sandbox.running("user", await sandbox.waiting(name, SLOW_TO_GET_WELL));
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const flags = ["--force", "--stop-containers", "--health-timeout", "60", "-v"];
  const restore = sandbox.start(["volume", "restore", name, archive, ...flags], { main });
  await restore.said("phase: health");
  return { sandbox, folder, volume: name, restore };
}

test(
  "a helper is alone with the volume, and stays as long as its client gives signs of life",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { restore, folder, volume } = await restoring(sandbox);
    const helper = new Container(new EngineApi(host), `dockform-restore-${volume}`);
    const { stdout } = await helper.exec(["cat", "/proc/net/dev"]);
    assert.deepEqual(stdout.match(/\w+(?=:)/g), ["lo"], "and has no network");
    const { code, stderr } = await restore.ended;
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /another helper takes over/);
    assert.deepEqual(await readdir(folder), ["file"]);
  },
);

test("a client that is silent with an open connection loses its helper", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { restore, folder, volume } = await restoring(sandbox);
  await restore.whileStopped(() => sandbox.helpersEnded());
  const { code, stderr } = await restore.ended;
  const recovered = await sandbox.dockform(["volume", "recover", volume, "--health-timeout", "0"]);
  assert.equal(recovered.code, 0, recovered.stderr);
  assert.deepEqual(await readdir(folder), code === 0 ? ["file"] : ["old"], stderr);
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("a helper that outlives engine and client ends by itself", { skip }, async () => {
  await using engine = await startPrivateEngine({ configuration: { "live-restore": true } });
  await using sandbox = await Sandbox.create(engine.host);
  const { restore, folder, volume } = await restoring(sandbox);
  const helper = `dockform-restore-${volume}`;
  restore.signal("SIGKILL");
  await engine.crash();
  await engine.start();
  await restore.ended;
  await until("the helper has ended", async () => (await sandbox.state(helper)) !== "running");
  const recovered = await sandbox.dockform(["volume", "recover", volume, "--health-timeout", "0"]);
  assert.equal(recovered.code, 0, recovered.stderr);
  assert.deepEqual(await readdir(folder), ["file"]);
  assert.equal(await sandbox.state(`${sandbox.prefix}-user`), "running");
  assert.deepEqual(await sandbox.helpers(), []);
});
