import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { inspectContainer, pauseContainer } from "../../../src/engine/containers.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { attempt, run } from "../../oracle/host.ts";
import { describeTree, differences } from "../../oracle/tree.ts";
import { assertError, packFiles, packFolder, writeFiles, writeSidecar } from "../archives.ts";
import { FileSystem } from "../file-system.ts";
import { assertUntouched } from "../evidence.ts";
import { Sandbox } from "../harness.ts";
import { until } from "../cli-process.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

const FLAGS = ["--undeclared", "--force", "--stop-containers", "--health-timeout", "0"];

/** The names at the top of a folder. */
async function names(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).toSorted();
}

test(
  "a volume that is mounted read-only elsewhere shows the new contents there",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const into = await sandbox.volume("into");
    await writeFiles(into.folder, { "old/file": "old" });
    const readOnly = { Type: "volume", Source: into.name, Target: "/data", ReadOnly: true };
    const reader = await sandbox.running(
      "reader",
      await sandbox.waiting(into.name, { hostConfig: { Mounts: [readOnly] } }),
    );
    const elsewhere = sandbox.path("elsewhere");
    await mkdir(elsewhere);
    await run("mount", ["--bind", into.folder, elsewhere]);
    try {
      await run("mount", ["-o", "remount,bind,ro", elsewhere]);
      const archive = await packFiles(sandbox.folder, { file: "new" });
      await sandbox.restore(into.name, archive, FLAGS);
      assert.deepEqual(await names(elsewhere), ["file"]);
      assert.equal(await sandbox.state(reader.id), "running");
      assert.equal(await sandbox.readInside(reader.id, "/data/file"), "new");
    } finally {
      await attempt("umount", [elsewhere]);
    }
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

const REFUSAL = {
  exitCode: 3,
  message: /cannot be renamed: it is immutable or append-only/,
  hint: /Nothing was touched.*chattr -i/,
};

for (const [what, path, error] of [
  ["an immutable file at the top", "immutable", REFUSAL],
  ["an immutable folder at the top", "old", REFUSAL],
  [
    "an immutable root folder",
    ".",
    { exitCode: 1, message: /not permitted/, hint: /old contents are in place/i },
  ],
] as const) {
  test(`${what} of the old data keeps all of it in place`, { skip }, async () => {
    await using sandbox = await Sandbox.create(host);
    const into = await sandbox.volume("into");
    await writeFiles(into.folder, { "old/file": "old", immutable: "old", other: "old" });
    const user = await sandbox.running("user", await sandbox.waiting(into.name));
    const archive = await packFiles(sandbox.folder, { file: "new" });
    await run("chattr", ["+i", join(into.folder, path)]);
    const before = await sandbox.evidence(into.folder, [user.id]);
    try {
      const args = ["volume", "restore", into.name, archive, ...FLAGS, "--json"];
      const result = await sandbox.dockform(args);
      assertError(result, error);
      assertUntouched(before, await sandbox.evidence(into.folder, [user.id]));
    } finally {
      await run("chattr", ["-i", join(into.folder, path)]);
    }
    assert.deepEqual(await sandbox.leftBehind(), []);
    await sandbox.restore(into.name, archive, FLAGS);
    assert.deepEqual(await names(into.folder), ["file"]);
  });
}

test("an immutable file deep in the old data is removed once it can be", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { "old/deep/file": "old", other: "old" });
  const immutable = join(into.folder, "old/deep/file");
  await run("chattr", ["+i", immutable]);
  const archive = await packFiles(sandbox.folder, { file: "new" });
  try {
    const { stderr } = await sandbox.restore(into.name, archive, FLAGS);
    assert.match(stderr, /warning: cannot remove the old contents/);
    assert.equal(await readFile(join(into.folder, "file"), "utf8"), "new");
    // What lies there harms nobody: another snapshot and another restore go well.
    const { archive: next } = await sandbox.snapshot(into.name);
    await sandbox.restore(into.name, next, FLAGS);
    const listing = (await run("sh", ["-c", `zstd -dc "$0" | tar -b 120 -tf -`, next])).toString();
    assert.deepEqual(listing.trim().split("\n"), ["./", "./file"]);
  } finally {
    await run("chattr", ["-R", "-i", into.folder]);
  }
  const recovery = await sandbox.dockform(["volume", "recover", into.name]);
  assert.equal(recovery.code, 0, recovery.stderr);
  assert.deepEqual(await names(into.folder), ["file"]);
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("the file system's own lost+found stays where it is", { skip }, async () => {
  await using fs = await FileSystem.create({ bytes: 16 << 20, lostFound: true });
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into", { driverOpts: fs.driverOpts });
  const lostFound = join(fs.folder, "lost+found");
  const { ino } = await stat(lostFound);
  const without = await packFiles(sandbox.folder, { file: "new" });
  await mkdir(sandbox.path("source/lost+found"), { recursive: true });
  const withEmpty = await packFolder(sandbox.path("source"), sandbox.path("empty.tar"));
  // It is empty but for what the file system put there: no --force.
  await sandbox.restore(into.name, without, ["--undeclared"]);
  for (const [archive, files] of [
    [without, ["file", "lost+found"]],
    [withEmpty, ["lost+found"]],
    [(await sandbox.snapshot(into.name)).archive, ["file", "lost+found"]],
  ] as const) {
    await sandbox.restore(into.name, archive, FLAGS);
    assert.deepEqual(await names(fs.folder), files);
    assert.equal((await stat(lostFound)).ino, ino);
    const user = await sandbox.dockform(["volume", "recover", into.name]);
    assert.equal(user.code, 0, user.stderr);
  }
  await run("umount", [fs.folder]);
  await run("fsck.ext4", ["-n", "-f", fs.device], {
    env: { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` },
  });
  await run("mount", [fs.device, fs.folder]);
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("a lost+found that holds something is data like any other", { skip }, async () => {
  await using fs = await FileSystem.create({ bytes: 16 << 20, lostFound: true });
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into", { driverOpts: fs.driverOpts });
  await writeFiles(fs.folder, { "lost+found/#12": "found by fsck", old: "old" });
  const { archive: old } = await sandbox.snapshot(into.name);
  const before = await describeTree(fs.folder);
  const another = await packFiles(sandbox.folder, { "lost+found/#13": "new", file: "new" });
  const refused = await sandbox.dockform(["volume", "restore", into.name, another, "--undeclared"]);
  assert.equal(refused.code, 3, refused.stderr);
  await sandbox.restore(into.name, another, FLAGS);
  assert.deepEqual(await names(join(fs.folder, "lost+found")), ["#13"]);
  await sandbox.restore(into.name, old, FLAGS);
  assert.deepEqual(differences(before, await describeTree(fs.folder)), []);
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("users that are paused, restarting or created are as before", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { old: "old" });
  const mounts = [{ Type: "volume", Source: into.name, Target: "/data" }];
  const definition = await sandbox.waiting(into.name);
  const paused = await sandbox.running("paused", definition);
  await pauseContainer(sandbox.engine, paused.id);
  const created = await sandbox.container("created", definition);
  const policy = { Name: "on-failure", MaximumRetryCount: 1000 };
  const restarting = await sandbox.running(
    "restarting",
    await sandbox.waiting(into.name, {
      Cmd: ["exit 7"],
      hostConfig: { Mounts: mounts, RestartPolicy: policy },
    }),
  );
  // The pauses between its attempts grow, so that a restore falls into one.
  const attempts = async (): Promise<number> =>
    (await inspectContainer(sandbox.engine, restarting.id)).RestartCount;
  await until("it was restarted some times", async () => (await attempts()) >= 3);
  const archive = await packFiles(sandbox.folder, { file: "new" });
  await sandbox.restore(into.name, archive, FLAGS);
  assert.deepEqual(await names(into.folder), ["file"]);
  assert.equal(await sandbox.state(paused.id), "paused");
  assert.equal(await sandbox.state(created.id), "created");
  const { HostConfig } = await inspectContainer(sandbox.engine, restarting.id);
  assert.deepEqual(HostConfig.RestartPolicy, policy);
  await until("it is restarted again", async () => (await attempts()) >= 1);
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("a volume deeper than any path is replaced and removed", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  const script = `
import os, sys
os.chdir(sys.argv[1])
for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
open("file", "w").close()`;
  await run("/usr/bin/python3", ["-c", script, into.folder]);
  const user = await sandbox.running("user", await sandbox.waiting(into.name));
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const { stderr } = await sandbox.restore(into.name, archive, FLAGS);
  assert.equal(stderr.includes("warning: cannot remove"), false, stderr);
  assert.deepEqual(await names(into.folder), ["file"]);
  assert.equal(await sandbox.state(user.id), "running");
});

test("another file system inside the volume is refused and keeps its files", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { "media/nas/.keep": "", old: "old" });
  const foreign = sandbox.path("foreign");
  await writeFiles(foreign, { precious: "precious" });
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const mountPoint = join(into.folder, "media/nas");
  await inEngine(["mount", "--bind", foreign, mountPoint]);
  try {
    const result = await sandbox.dockform([
      "volume",
      "restore",
      into.name,
      archive,
      ...FLAGS,
      "--json",
    ]);
    assertError(result, { exitCode: 3, message: /media\/nas.*mount/, hint: /unmount|umount/i });
    assert.deepEqual(await names(foreign), ["precious"]);
    assert.equal(await readFile(join(into.folder, "old"), "utf8"), "old");
  } finally {
    await inEngine(["umount", mountPoint]);
  }
  assert.deepEqual(await sandbox.leftBehind(), []);
});

/** Runs a program where the private engine sees what it mounts. */
async function inEngine(command: readonly string[]): Promise<void> {
  const configuration = join(dirname(host.replace("unix://", "")), "daemon.json");
  const found = await run("pgrep", ["-f", `^dockerd --config-file ${configuration}`]);
  const [pid = ""] = found.toString().split("\n");
  await run("nsenter", ["--target", pid, "--mount", ...command]);
}

test("a container on another volume of the same folder is a user", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const shared = sandbox.path("shared");
  await writeFiles(shared, { old: "old" });
  const driverOpts = { type: "none", o: "bind", device: shared };
  const into = await sandbox.volume("into", { driverOpts });
  const other = await sandbox.volume("other", { driverOpts });
  const user = await sandbox.running("user", await sandbox.waiting(other.name));
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const before = await sandbox.evidence(shared, [user.id]);
  const args = ["volume", "restore", into.name, archive, "--undeclared", "--force", "--json"];
  assertError(await sandbox.dockform(args), {
    exitCode: 3,
    message: new RegExp(`^containers are using volume .*${user.name}`),
    hint: /--stop-containers/,
  });
  assertUntouched(before, await sandbox.evidence(shared, [user.id]));
  await sandbox.restore(into.name, archive, FLAGS);
  assert.deepEqual(await names(shared), ["file"]);
  assert.equal(await sandbox.state(user.id), "running");
});

test(
  "a safety snapshot is never written into the volume that it is to save",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const device = sandbox.path("project");
    await writeFiles(device, { old: "old" });
    const into = await sandbox.volume("into", { driverOpts: { type: "none", o: "bind", device } });
    const archive = await packFiles(sandbox.folder, { new: "new" });
    // More than any disk has room for.
    await writeSidecar(archive, {
      volume_name: into.name,
      format_version: 1,
      uncompressed_bytes: 1e15,
      entry_count: 2,
      file_count: 1,
    });
    const before = await describeTree(device);
    const args = ["volume", "restore", into.name, archive, "--in-place", ...FLAGS, "--json"];
    assertError(await sandbox.dockform(args, { cwd: device }), {
      exitCode: 3,
      message: /lies inside volume/,
      hint: /Keep snapshots elsewhere/,
    });
    assert.deepEqual(differences(before, await describeTree(device)), []);
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);
