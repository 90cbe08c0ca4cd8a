import assert from "node:assert/strict";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  inspectContainer,
  killContainer,
  removeContainer,
  stopContainer,
} from "../../../src/engine/containers.ts";
import { canStartPrivateEngine, startPrivateEngine } from "../../engine/private-engine.ts";
import { exists } from "../../oracle/host.ts";
import { assertError, packFiles, writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import { until } from "../cli-process.ts";
import { type Interrupted, interruptRestore, recover, assertWhole } from "../interrupted.ts";

/** An engine of its own: without a volume's name every volume of the engine is recovered. */
const skip = canStartPrivateEngine() ? false : "needs root on Linux";

const engine = skip === false ? await startPrivateEngine() : undefined;

after(() => engine?.stop());

const host = engine?.host ?? "";

/** Every command but a recovery, and nothing is touched by any. */
async function assertRefused(
  sandbox: Sandbox,
  { into, archive, userId }: Interrupted,
  what: string,
): Promise<void> {
  const before = await sandbox.evidence(into.folder, [userId]);
  for (const command of [
    ["volume", "restore", into.name, archive, "--force", "--stop-containers"],
    ["volume", "undo", into.name, "--stop-containers"],
    ["volume", "undo", into.name, "--discard", "--skip-confirmation"],
    ["volume", "snapshot", into.name],
    ["destroy", "--skip-confirmation", "--no-snapshot"],
  ]) {
    assertError(await sandbox.dockform([...command, "--json"]), {
      exitCode: 3,
      message: new RegExp(`^an operation on volume "${into.name}" was interrupted: ${what}`),
      hint: new RegExp(`dockform volume recover ${into.name}`),
    });
  }
  assert.deepEqual(await sandbox.evidence(into.folder, [userId]), before);
}

test("every other command says what was interrupted, and touches nothing", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const interrupted = await interruptRestore(sandbox);
  const { into, userId } = interrupted;
  // Whether the helper still had something to tell depends on when its client died.
  const either = "(restore by .*, process \\d+, since 20|the containers that it stopped)";
  await assertRefused(sandbox, interrupted, either);
  const { HostConfig } = await inspectContainer(sandbox.engine, userId);
  assert.equal(HostConfig.RestartPolicy.Name, "no", "an engine that starts leaves it alone");
  const list = await sandbox.dockform(["volume", "list"]);
  assert.match(list.stderr, /was interrupted\. Run `dockform volume recover/);
  const doctor = await sandbox.dockform(["doctor"]);
  assert.equal(doctor.code, 1, doctor.stdout);
  assert.match(
    doctor.stdout,
    new RegExp(`failed +volume ${into.name} +an operation was interrupted`),
  );
  const { code, stderr } = await recover(sandbox);
  assert.equal(code, 0, stderr);
  await assertWhole(sandbox, interrupted);
  assert.equal((await sandbox.dockform(["doctor"])).code, 0);
});

test("a helper that left nothing leaves containers to be started", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const interrupted = await interruptRestore(sandbox);
  const { into } = interrupted;
  // As one does whose client has died before it asked for the swap.
  for (const id of await sandbox.helpers()) {
    if ((await sandbox.state(id)) === "exited") await removeContainer(sandbox.engine, id);
  }
  for (const name of await readdir(into.folder)) {
    if (name.startsWith(".dockform-")) await rm(join(into.folder, name), { recursive: true });
  }
  await assertRefused(sandbox, interrupted, "the containers that it stopped");
  const { code, stdout, stderr } = await recover(sandbox, into.name);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /: its contents are whole\n.*: runs again$/m);
  await assertWhole(sandbox, interrupted);
});

test("recovering twice, or where nothing was interrupted, changes nothing", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const interrupted = await interruptRestore(sandbox);
  const { into, userId } = interrupted;
  assert.equal((await recover(sandbox, into.name)).code, 0);
  await assertWhole(sandbox, interrupted);
  const before = await sandbox.evidence(into.folder, [userId]);
  const again = await recover(sandbox, into.name);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /nothing was interrupted/);
  assert.equal((await recover(sandbox)).stdout, "Nothing was interrupted.\n");
  assert.deepEqual(await sandbox.evidence(into.folder, [userId]), before);
});

test("several recoveries at once leave one volume that is whole", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const interrupted = await interruptRestore(sandbox);
  const results = await Promise.all([1, 2, 3].map(() => recover(sandbox, interrupted.into.name)));
  for (const { code, stderr } of results) assert.ok(code === 0 || code === 3, stderr);
  assert.ok(
    results.some(({ code }) => code === 0),
    results.map(({ stderr }) => stderr).join("\n"),
  );
  await assertWhole(sandbox, interrupted);
});

test("what stands on both sides is kept on both, and the recovery says so", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { into, archive, userId } = await interruptRestore(sandbox, "after the swap");
  const inVolume = (...path: readonly string[]): string => join(into.folder, ...path);
  const staging = (await readdir(into.folder)).find((name) => name.startsWith(".dockform-")) ?? "";
  // As if it had died before the point of no return, and somebody had made a file again that was out already.
  await rename(inVolume(staging, "old"), inVolume(staging, "old.partial"));
  await rm(inVolume("file"));
  await writeFiles(into.folder, { old: "stranger" });
  const aside = staging.replace(".dockform-", ".dockform-aside-");
  assertError(await recover(sandbox, into.name, "--json"), {
    exitCode: 1,
    message: new RegExp(`\\(old\\): they were set aside in its folder ${aside}/1`),
    hint: /^The old contents are in place, whole/,
  });
  assert.equal(await readFile(inVolume("old"), "utf8"), "old");
  assert.equal(await readFile(inVolume(aside, "1/old"), "utf8"), "stranger");
  assert.equal(await sandbox.state(userId), "running");

  const setAside = async (): Promise<unknown> => {
    const { stdout } = await sandbox.dockform(["volume", "list", "--json"]);
    const [, ofVolume = ""] = stdout.split(`"volume": "${into.name}"`);
    return /"set_aside": (\[[^\]]*\])/.exec(ofVolume)?.[1]?.replaceAll(/\s/g, "");
  };
  assert.equal(await setAside(), `["${aside}/1/old"]`);
  const { stdout: diagnosis } = await sandbox.dockform(["doctor"]);
  assert.match(diagnosis, new RegExp(`^warning +volume ${into.name} +.*${aside}/1`, "m"));
  // It is in nobody's way, and in nobody's snapshot.
  assert.equal((await recover(sandbox, into.name)).code, 0);
  const { archive: next } = await sandbox.snapshot(into.name);
  const { stdout: files } = await sandbox.dockform(["snapshot", "files", next]);
  assert.doesNotMatch(files, /aside|stranger/);
  await sandbox.restore(into.name, archive, ["--force", "--stop-containers"]);
  assert.deepEqual((await readdir(into.folder)).toSorted(), [aside, "file"]);
  await rm(inVolume(aside), { recursive: true });
  assert.equal(await setAside(), "[]");
  assert.equal((await recover(sandbox, into.name)).code, 0);
  assert.deepEqual(await sandbox.helpers(), []);
});

test("what the engine has forgotten is found in the volume", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const interrupted = await interruptRestore(sandbox, "after the swap");
  // As `docker container prune` does.
  for (const id of await sandbox.helpers()) await removeContainer(sandbox.engine, id);
  const { into } = interrupted;
  assertError(await sandbox.dockform(["volume", "snapshot", into.name, "--json"]), {
    exitCode: 3,
    message: /was interrupted/,
    hint: /volume recover/,
  });
  const { code, stderr } = await recover(sandbox, into.name);
  assert.equal(code, 0, stderr);
  const names = await readdir(into.folder);
  const aside = names.find((name) => name.startsWith(".dockform-aside-"));
  if (aside === undefined) {
    assert.ok(names.join() === "old" || names.join() === "file", names.join());
    return;
  }
  // Nothing says that the folder was ours; what it holds stays.
  assert.deepEqual(names.toSorted(), [aside, "file"]);
  const held = await readdir(join(into.folder, aside), { recursive: true });
  assert.ok(
    held.some((path) => path.endsWith("/old/contents/old")),
    held.join(),
  );
});

test(
  "a stop that goes on without its client is not taken for a container that runs",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const into = await sandbox.volume("into");
    await writeFiles(into.folder, { old: "old" });
    await sandbox.declare(into.name);
    const definition = await sandbox.waiting(into.name, {
      StopSignal: "SIGTERM",
      StopTimeout: 4,
      hostConfig: {
        RestartPolicy: { Name: "always" },
        Mounts: [{ Type: "volume", Source: into.name, Target: "/data" }],
      },
    });
    const user = await sandbox.running("user", definition);
    const quick = await sandbox.running("quick", await sandbox.waiting(into.name));
    const archive = await packFiles(sandbox.folder, { file: "new" });
    const flags = ["--force", "--stop-containers", "--health-timeout", "0"];
    const restore = sandbox.start(["volume", "restore", into.name, archive, ...flags]);
    await restore.until("one is stopped", async () => (await sandbox.state(quick.id)) === "exited");
    restore.signal("SIGKILL");
    await restore.ended;
    const { code, stderr } = await recover(sandbox, into.name);
    assert.equal(code, 0, stderr);
    // Longer than the first stop would have taken.
    await sleep(5000);
    assert.equal(await sandbox.state(user.id), "running");
    assert.equal(await sandbox.state(quick.id), "running");
    const { HostConfig } = await inspectContainer(sandbox.engine, user.id);
    assert.equal(HostConfig.RestartPolicy.Name, "always");
  },
);

test("old contents do not go while containers are not well on the new ones", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { old: "old" });
  await sandbox.declare(into.name);
  const sick = await sandbox.running(
    "sick",
    await sandbox.waiting(into.name, {
      Healthcheck: {
        Test: ["CMD-SHELL", "[ -e /data/old ]"],
        Interval: 5e8,
        Retries: 1,
        StartPeriod: 3e9,
      },
    }),
  );
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const args = ["volume", "restore", into.name, archive, "--force", "--stop-containers", "-v"];
  const restore = sandbox.start(args);
  await restore.said("phase: health");
  restore.signal("SIGKILL");
  await restore.ended;
  await sandbox.helpersEnded();
  assertError(await sandbox.dockform(["volume", "recover", into.name, "--json"]), {
    exitCode: 1,
    message: new RegExp(`^not healthy on the new contents: ${sick.name}: unhealthy`),
    hint: new RegExp(`new contents stay.* kept: .dockform volume undo ${into.name}.`),
  });
  assert.equal(await sandbox.state(sick.id), "running");
  assert.deepEqual((await readdir(into.folder)).toSorted(), [".dockform-kept", "file"]);
  const undo = ["volume", "undo", into.name, "--stop-containers"];
  assert.equal((await sandbox.dockform(undo)).code, 0);
  assert.deepEqual((await readdir(into.folder)).toSorted(), [".dockform-kept", "old"]);
});

test("what is kept does not keep a recovery from going back", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { older: "older" });
  await sandbox.declare(into.name);
  const picky = await sandbox.running(
    "picky",
    await sandbox.waiting(into.name, { Cmd: ["! [ -e /data/file ] && read line"] }),
  );
  const flags = ["--force", "--stop-containers", "--health-timeout", "0"];
  const old = await packFiles(sandbox.folder, { old: "old" });
  await sandbox.restore(into.name, old, [...flags, "--keep-previous"]);
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const restore = sandbox.start(["volume", "restore", into.name, archive, ...flags]);
  await restore.until("the new contents are in place", () => exists(join(into.folder, "file")));
  restore.signal("SIGKILL");
  await restore.ended;
  await sandbox.helpersEnded();
  if ((await sandbox.state(picky.id)) === "running") await stopContainer(sandbox.engine, picky.id);
  assertError(await sandbox.dockform(["volume", "recover", into.name, "--json"]), {
    exitCode: 1,
    message: new RegExp(`^not healthy on the new contents: ${picky.name}: exited with code 1`),
    hint: /old contents are in place again/,
  });
  assert.equal(await sandbox.state(picky.id), "running");
  assert.deepEqual((await readdir(into.folder)).toSorted(), [".dockform-kept", "old"]);
  const kept = join(into.folder, ".dockform-kept/contents");
  assert.deepEqual(await readdir(kept), ["older"]);
});

test("a client whose operation another one has ended stops nothing", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { old: "old" });
  await sandbox.declare(into.name);
  const user = await sandbox.running(
    "user",
    await sandbox.waiting(into.name, {
      // For a minute nobody knows whether it is well.
      Healthcheck: { Test: ["CMD-SHELL", "false"], Interval: 1e9, StartPeriod: 60e9 },
      hostConfig: {
        RestartPolicy: { Name: "always" },
        Mounts: [{ Type: "volume", Source: into.name, Target: "/data" }],
      },
    }),
  );
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const args = ["volume", "restore", into.name, archive, "--force", "--stop-containers", "-v"];
  const restore = sandbox.start(args);
  await restore.said("phase: health");
  await restore.whileStopped(async () => {
    await killContainer(sandbox.engine, `dockform-restore-${into.name}`);
    const { code, stderr } = await recover(sandbox, into.name);
    assert.equal(code, 0, stderr);
  });
  restore.signal("SIGINT");
  const { code, stderr } = await restore.ended;
  assert.equal(code, 130, stderr);
  assert.match(stderr, /another client has ended the operation on volume/);
  await assertWhole(sandbox, { into, archive, userId: user.id });
  assert.deepEqual(await readdir(into.folder), ["file"]);
});

test("a client whose operation another one has ended starts nothing", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { old: "old" });
  await sandbox.declare(into.name);
  const slowToStop = { StopSignal: "SIGTERM", StopTimeout: 3 };
  const user = await sandbox.running("user", await sandbox.waiting(into.name, slowToStop));
  const quick = await sandbox.running("quick", await sandbox.waiting(into.name));
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const args = ["volume", "restore", into.name, archive, "--force", "--stop-containers", "-v"];
  const restore = sandbox.start(args);
  // Both are asked to stop at once, and the client waits for the other.
  await restore.until("one is stopped", async () => (await sandbox.state(quick.id)) === "exited");
  await restore.whileStopped(async () => {
    await until("it is stopped", async () => (await sandbox.state(user.id)) === "exited");
    await killContainer(sandbox.engine, `dockform-restore-${into.name}`);
    const { code, stderr } = await recover(sandbox, into.name);
    assert.equal(code, 0, stderr);
    assert.equal(await sandbox.state(user.id), "running");
    // As a third client does, which has the volume between old and new.
    await stopContainer(sandbox.engine, user.id);
  });
  const { code, stderr } = await restore.ended;
  assert.equal(code, 1, stderr);
  assert.match(stderr, /error: another client has ended the operation on volume/);
  assert.equal(await sandbox.state(user.id), "exited");
  assert.deepEqual(await readdir(into.folder), ["old"]);
  assert.deepEqual(await sandbox.helpers(), []);
});
