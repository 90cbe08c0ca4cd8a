import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SshHost, SshUser } from "../../engine/ssh-host.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { writeFiles } from "../archives.ts";
import { until } from "../cli-process.ts";
import { Sandbox } from "../harness.ts";
import { UNSEEN_TMPDIR } from "../program.ts";

const engine = await testEngine();
const skip = engine.skipUnlessPrivate;
const BIG_BYTES = 96 * 1024 * 1024;

/** Begins a restore by ssh, of much, into a volume that a container uses; it is about to be extracted. */
async function beginRestore(stack: AsyncDisposableStack) {
  const place = await mkdtemp(join(tmpdir(), "dockform-cut-"));
  stack.defer(() => rm(place, { recursive: true }));
  const user = await SshUser.create(join(place, "user"));
  const sessions = { DOCKER_HOST: engine.host };
  const far = stack.use(await SshHost.start(join(place, "far"), user.keyFile, sessions));
  await user.configure("far", [`Port ${far.port}`]);
  await user.trust(far);

  const sandbox = stack.use(await Sandbox.create(engine.host));
  const { name, folder } = await sandbox.volume("data");
  await writeFiles(folder, { big: randomBytes(BIG_BYTES) });
  const { archive } = await sandbox.snapshot(name);
  await rm(join(folder, "big"));
  await writeFiles(folder, { file: "old" });
  const container = await sandbox.running("user", await sandbox.waiting(name));
  const before = await sandbox.evidence(folder, [container.id]);

  const env = { DOCKER_HOST: "ssh://far", PATH: `${user.programs}:${process.env["PATH"]}` };
  const flags = ["--force", "--undeclared", "--stop-containers", "-v", "--json"];
  const args = ["volume", "restore", name, archive, ...flags];
  const restore = sandbox.start(args, { env, ...UNSEEN_TMPDIR });
  await restore.said("phase: extract");
  const assertUntouched = async (): Promise<void> => {
    assert.deepEqual(await sandbox.evidence(folder, [container.id]), before);
  };
  return { sandbox, user, far, name, restore, assertUntouched };
}

test(
  "a line that is cut in a restore leaves what there was, and the next line tidies up",
  { skip },
  async () => {
    await using stack = new AsyncDisposableStack();
    const { sandbox, user, far, restore, assertUntouched } = await beginRestore(stack);
    await far.signalSessions("SIGKILL");
    const { code, stdout, stderr } = await restore.ended;
    assert.equal(code, 5, stderr);
    assert.equal(JSON.parse(stdout).error.code, "ssh.broken", stderr);
    await assertUntouched();
    assert.deepEqual(await sandbox.helpers(), []);
    await until("no ssh runs", async () => (await user.running()).length === 0);
  },
);

test(
  "a line that falls silent in a restore is given up, and another client recovers",
  { skip, timeout: 230_000 },
  async () => {
    await using stack = new AsyncDisposableStack();
    const { sandbox, user, far, name, restore, assertUntouched } = await beginRestore(stack);
    await far.freeze();
    const { code, stdout, stderr } = await restore.ended;
    assert.equal(code, 5, stderr);
    assert.equal(JSON.parse(stdout).error.code, "ssh.broken", stderr);
    await until("no ssh runs", async () => (await user.running()).length === 0);
    const recovery = await sandbox.dockform(["volume", "recover", name]);
    assert.equal(recovery.code, 0, recovery.stderr);
    await assertUntouched();
    assert.deepEqual(await sandbox.helpers(), []);
  },
);

test(
  "a client that is killed leaves no line behind for long",
  { skip, timeout: 200_000 },
  async () => {
    await using stack = new AsyncDisposableStack();
    const { sandbox, user, name, restore, assertUntouched } = await beginRestore(stack);
    restore.signal("SIGKILL");
    await restore.ended;
    await sandbox.helpersEnded();
    const recovery = await sandbox.dockform(["volume", "recover", name]);
    assert.equal(recovery.code, 0, recovery.stderr);
    await assertUntouched();
    const deadline = Date.now() + 90_000;
    while ((await user.running()).length > 0) {
      assert.ok(Date.now() < deadline, "ssh still runs");
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  },
);
