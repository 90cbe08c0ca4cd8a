import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { run } from "../../oracle/host.ts";
import { describeTree, differences } from "../../oracle/tree.ts";
import { assertError, originFlags, packFiles, packFolder, writeFiles } from "../archives.ts";
import { ExfatFileSystem } from "../exfat.ts";
import { FolderFileSystem } from "../folder-file-systems.ts";
import { assertUntouched } from "../evidence.ts";
import { Sandbox } from "../harness.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

/** One of each kind that a file system may be unable to hold. */
async function writeKinds(folder: string): Promise<void> {
  await writeFiles(folder, { plain: "plain", owned: "owned", tagged: "tagged", shared: "shared" });
  await run("chown", ["4000000:33", join(folder, "owned")]);
  await run("chmod", ["4755", join(folder, "owned")]);
  await run("setfattr", ["-n", "user.tag", "-v", "tag", join(folder, "tagged")]);
  await run("setfacl", ["-m", "u:1000:rw", join(folder, "shared")]);
  await run("ln", ["-s", "plain", join(folder, "symlink")]);
  await run("ln", [join(folder, "plain"), join(folder, "hardlink")]);
  await run("mknod", [join(folder, "device"), "c", "1", "3"]);
  await run("mkfifo", [join(folder, "fifo")]);
  await run("touch", ["-d", "2001-02-03 04:05:06", join(folder, "plain"), join(folder, "tagged")]);
}

interface LeftOut {
  readonly left_out: readonly {
    readonly aspect: string;
    readonly count: number;
    readonly files: readonly string[];
  }[];
}

/** A volume on such a file system with something in it, and a container that uses it. */
async function setUp(
  sandbox: Sandbox,
  fs: { readonly folder: string; bind(): Readonly<Record<string, string>> },
): Promise<{ readonly into: TestVolume; readonly userId: string }> {
  await writeFiles(fs.folder, { old: "old" });
  const into = await sandbox.volume("into", { driverOpts: fs.bind() });
  const user = await sandbox.running("user", await sandbox.waiting(into.name));
  return { into, userId: user.id };
}

async function restoreArgs(
  { name }: TestVolume,
  archive: string,
  ...more: readonly string[]
): Promise<readonly string[]> {
  const flags = ["--undeclared", "--force", "--stop-containers", "--health-timeout", "0", "--json"];
  const origin = await originFlags(name, archive);
  return ["volume", "restore", name, archive, ...origin, ...flags, ...more];
}

async function assertRefused(
  sandbox: Sandbox,
  fs: { readonly folder: string },
  args: readonly string[],
  expected: { readonly message: RegExp; readonly hint: RegExp; readonly userId: string },
): Promise<void> {
  const before = await sandbox.evidence(fs.folder, [expected.userId]);
  assertError(await sandbox.dockform(args), { exitCode: 3, ...expected });
  assertUntouched(before, await sandbox.evidence(fs.folder, [expected.userId]));
  assert.deepEqual(await sandbox.leftBehind(), []);
}

async function leftOut(sandbox: Sandbox, args: readonly string[]): Promise<LeftOut["left_out"]> {
  const { code, stdout, stderr } = await sandbox.dockform(args);
  assert.equal(code, 0, stderr);
  const printed: LeftOut = JSON.parse(stdout);
  return printed.left_out;
}

test(
  "where times come out as now, a restore is refused before anything is touched",
  { skip },
  async () => {
    await using fs = await FolderFileSystem.bindfs();
    await using sandbox = await Sandbox.create(host);
    const from = await sandbox.volume("from");
    await writeKinds(from.folder);
    const { archive } = await sandbox.snapshot(from.name);
    const { into, userId } = await setUp(sandbox, fs);
    await assertRefused(sandbox, fs, await restoreArgs(into, archive), {
      message:
        /cannot hold all that is in \S+: times \(they come out as the moment of extraction\)$/,
      hint: /--without times$/,
      userId,
    });
    const left = await leftOut(
      sandbox,
      await restoreArgs(into, archive, "--without", "times", "--verify"),
    );
    assert.deepEqual(
      left.map(({ aspect }) => aspect),
      ["times"],
    );
    const others = differences(await describeTree(from.folder), await describeTree(fs.folder));
    assert.deepEqual(
      others.filter((line) => !line.includes("mtime")),
      [],
    );
  },
);

test(
  "where owners are refused, set-user-ID programs do not become another one's",
  { skip },
  async () => {
    await using fs = await FolderFileSystem.bindfs({ options: ["--chown-deny", "--xattr-none"] });
    await using sandbox = await Sandbox.create(host);
    const from = await sandbox.volume("from");
    await writeKinds(from.folder);
    const { archive } = await sandbox.snapshot(from.name);
    const { into, userId } = await setUp(sandbox, fs);
    await assertRefused(sandbox, fs, await restoreArgs(into, archive, "--without", "times"), {
      message:
        /: owner 4000000:33 \(Operation not permitted\); .*ACLs \(Operation not supported\).*attributes \(Operation not supported\)/,
      hint: /--without times,owners,attributes$/,
      userId,
    });
    const without = ["--without", "times,owners,attributes"];
    const left = await leftOut(sandbox, await restoreArgs(into, archive, ...without));
    assert.deepEqual([...new Set(left.map(({ aspect }) => aspect))].toSorted(), [
      "attributes",
      "owners",
      "times",
    ]);
    assert.equal((await run("stat", ["-c", "%a", join(fs.folder, "owned")])).toString(), "755\n");
  },
);

test(
  "where there are neither attributes nor ACLs, what has none is snapshotted and restored",
  { skip },
  async () => {
    await using fs = await FolderFileSystem.sshfs();
    await using sandbox = await Sandbox.create(host);
    const { into, userId } = await setUp(sandbox, fs);
    await writeFiles(fs.folder, { "sub/file": "file" });
    const before = await describeTree(fs.folder);
    const own = await sandbox.snapshot(into.name);
    assert.deepEqual(own.sidecar["warnings"], []);
    await writeFiles(fs.folder, { other: "other" });
    assert.deepEqual(await leftOut(sandbox, await restoreArgs(into, own.archive)), []);
    const others = differences(before, await describeTree(fs.folder));
    assert.deepEqual(
      others.filter((line) => !line.includes("mtime")),
      [],
    );

    const from = await sandbox.volume("from");
    await writeKinds(from.folder);
    const { archive } = await sandbox.snapshot(from.name);
    await assertRefused(sandbox, fs, await restoreArgs(into, archive), {
      message:
        /ACLs \(Operation not supported\); attributes \(Operation not supported\); times of symbolic links .*; owners of symbolic links .*; device nodes \(.*\); FIFOs/,
      hint: /--without attributes,times,owners,devices$/,
      userId,
    });
    const left = await leftOut(
      sandbox,
      await restoreArgs(into, archive, "--without", "attributes,times,owners,devices"),
    );
    assert.deepEqual(
      left
        .filter(({ aspect }) => aspect === "devices")
        .map(({ files }) => files.join(", "))
        .toSorted(),
      ["device", "fifo"],
    );
    assert.equal(await sandbox.state(userId), "running");
    assert.deepEqual((await readdir(fs.folder)).toSorted(), [
      "hardlink",
      "owned",
      "plain",
      "shared",
      "symlink",
      "tagged",
    ]);
  },
);

test("an archive without a sidecar is read to know what it needs", { skip }, async () => {
  await using fs = await FolderFileSystem.sshfs();
  await using sandbox = await Sandbox.create(host);
  const { into, userId } = await setUp(sandbox, fs);
  const plain = await packFiles(sandbox.folder, { new: "new" });
  assert.deepEqual(await leftOut(sandbox, await restoreArgs(into, plain)), []);
  assert.equal(await readFile(join(fs.folder, "new"), "utf8"), "new");
  await writeFiles(sandbox.path("source"), { tagged: "tagged" });
  await run("setfattr", ["-n", "user.tag", "-v", "tag", sandbox.path("source/tagged")]);
  const tagged = await packFolder(sandbox.path("source"), sandbox.path("tagged.tar.zst"), [
    "--format=posix",
    "--xattrs",
  ]);
  await assertRefused(sandbox, fs, await restoreArgs(into, tagged), {
    message: /: attributes \(Operation not supported\)$/,
    hint: /--without attributes$/,
    userId,
  });
});

test("a file system that has next to nothing takes the contents of files", { skip }, async () => {
  await using fs = await ExfatFileSystem.create();
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  await writeFiles(from.folder, { "sub/file": "file" });
  await run("ln", ["-s", "file", join(from.folder, "sub/symlink")]);
  await run("ln", [join(from.folder, "sub/file"), join(from.folder, "sub/hardlink")]);
  await run("chown", ["33:33", join(from.folder, "sub/file")]);
  const { archive } = await sandbox.snapshot(from.name);
  const { into, userId } = await setUp(sandbox, fs);
  await assertRefused(sandbox, fs, await restoreArgs(into, archive), {
    message:
      /owner 33:33 .*hard links .*symbolic links .*|symbolic links .*hard links .*owner 33:33/,
    hint: /--without \S*links/,
    userId,
  });
  const left = await leftOut(
    sandbox,
    await restoreArgs(into, archive, "--without", "owners,modes,times,links"),
  );
  assert.deepEqual(
    left.filter(({ aspect }) => aspect === "links").map(({ count }) => count),
    [1, 1],
  );
  assert.equal((await readdir(join(fs.folder, "sub"))).length, 1);
});

test("words that --without does not know are told with what was meant", async () => {
  await using sandbox = await Sandbox.create(host);
  const { code, stderr } = await sandbox.dockform([
    "volume",
    "restore",
    "x",
    "y.tar",
    "--without",
    "owner,times",
  ]);
  assert.equal(code, 2);
  assert.match(stderr, /"owner" is not one of owners, modes, .*Did you mean "owners"\?/);
});
