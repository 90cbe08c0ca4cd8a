/** What the tool is for, on whatever engine the tests run: `npm run test:engines` does this on each of them. */
import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { inspectContainer, stopContainer } from "../../../src/engine/containers.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { run } from "../../oracle/host.ts";
import { describeTree, differences } from "../../oracle/tree.ts";
import { assertError, originFlags, packFiles, writeFiles } from "../archives.ts";
import { assertUntouched } from "../evidence.ts";
import type { TestVolume } from "../engine-objects.ts";
import { Sandbox } from "../harness.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

const FORCE = ["--force", "--stop-containers", "--health-timeout", "0"];
/** A kill at each of them, and one where it has begun to stop. */
const KILLED_AT = ["phase: extract", "Stopping ", "phase: swap"] as const;
const RESTORES = 3;

test("what a snapshot holds comes back as it was, and containers run again", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  const into = await sandbox.volume("into");
  await writeFiles(from.folder, { "folder/file": "file", plain: "x".repeat(200_000) });
  // Whom root of a container is outside.
  const { uid, gid } = await stat(from.folder);
  await run("chown", ["-R", `${uid}:${gid}`, from.folder]);
  const before = await describeTree(from.folder);
  const { archive } = await sandbox.snapshot(from.name);
  assert.deepEqual(differences(before, await describeTree(from.folder)), [], "the source");
  const user = await sandbox.running("user", await sandbox.waiting(into.name));
  const flags = [...FORCE, "--undeclared", "--verify", ...(await originFlags(into.name, archive))];
  // Docker 26.1 once failed in two of three.
  for (let i = 0; i < RESTORES; i += 1) await sandbox.restore(into.name, archive, flags);
  assert.deepEqual(differences(before, await describeTree(into.folder)), []);
  assert.equal(await sandbox.state(user.id), "running");
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("a volume in use, or not empty, is left untouched", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { old: "old" });
  await sandbox.declare(into.name);
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const restore = ["volume", "restore", into.name, archive, "--json"];
  // Who mounts a volume first may change its root: Podman does.
  const user = await sandbox.running("user", await sandbox.waiting(into.name));
  const before = await sandbox.evidence(into.folder);
  const result = await sandbox.dockform([...restore, "--force"]);
  assertError(result, { exitCode: 3, message: /containers are using/, hint: /./ });
  assert.equal(await sandbox.state(user.id), "running");
  await stopContainer(sandbox.engine, user.id);
  const notEmpty = { exitCode: 3, message: /is not empty/, hint: /./ };
  assertError(await sandbox.dockform(restore), notEmpty);
  assertUntouched(before, await sandbox.evidence(into.folder));
});

test("an undo brings back what a restore replaced", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { old: "old" });
  await sandbox.declare(into.name);
  const archive = await packFiles(sandbox.folder, { file: "new" });
  await sandbox.restore(into.name, archive, [...FORCE, "--keep-previous"]);
  const undo = ["volume", "undo", into.name, ...FORCE.slice(1)];
  const { code, stderr } = await sandbox.dockform(undo);
  assert.equal(code, 0, stderr);
  assert.equal(await readFile(join(into.folder, "old"), "utf8"), "old");
});

for (const killedAt of KILLED_AT) {
  test(
    `a client that is killed at "${killedAt}" leaves what can be recovered`,
    { skip },
    async () => {
      await using sandbox = await Sandbox.create(host);
      const into = await sandbox.volume("into");
      await writeFiles(into.folder, { old: "old" });
      await sandbox.declare(into.name);
      const user = await sandbox.running("user", await sandbox.waiting(into.name));
      const archive = await packFiles(sandbox.folder, { file: "new" });
      const restore = sandbox.start(["volume", "restore", into.name, archive, ...FORCE, "-v"]);
      await restore.said(killedAt);
      restore.signal("SIGKILL");
      await restore.ended;
      const recover = ["volume", "recover", into.name, "--health-timeout", "0"];
      const { code, stderr } = await sandbox.dockform(recover);
      assert.equal(code, 0, stderr);
      await assertInOrder(sandbox, into, user.id);
      await sandbox.restore(into.name, archive, FORCE);
      assert.deepEqual(await readdir(into.folder), ["file"]);
      await assertInOrder(sandbox, into, user.id);
    },
  );
}

/** Old contents or new ones, the container as it was, and nothing of ours. */
async function assertInOrder(sandbox: Sandbox, into: TestVolume, userId: string): Promise<void> {
  const names = await readdir(into.folder);
  assert.ok(names.join() === "old" || names.join() === "file", names.join());
  assert.equal((await inspectContainer(sandbox.engine, userId)).State.Status, "running");
  assert.deepEqual(await sandbox.helpers(), []);
}
