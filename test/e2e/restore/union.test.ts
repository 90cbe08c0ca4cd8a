/** Volumes in which not everything can be renamed: unions of folders, as home servers have them, and overlays. */
import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { killContainer, startContainer } from "../../../src/engine/containers.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { attempt, run } from "../../oracle/host.ts";
import { assertError, packFiles } from "../archives.ts";
import { FileSystem } from "../file-system.ts";
import { FolderFileSystem } from "../folder-file-systems.ts";
import { assertUntouched } from "../evidence.ts";
import { Sandbox } from "../harness.ts";
import { UNSUSPECTING } from "../flawed-helper.ts";
import type { CliProcess } from "../cli-process.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

const FILES = 4000;
const FOLDERS = ["aa", "bb"] as const;
const FLAGS = ["--undeclared", "--force", "--stop-containers", "--health-timeout", "0"];

interface Setting extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly into: TestVolume;
  readonly userId: string;
  readonly archive: string;
}

async function fill(folder: string, files = FILES): Promise<void> {
  await mkdir(folder, { recursive: true });
  const names = Array.from({ length: files }, (_, i) => join(folder, String(i)));
  for (const name of names) await writeFile(name, name.slice(-6));
}

/** One folder of many files on either branch, and one that is on both. */
async function fillBranches(one: string, other: string): Promise<void> {
  for (const [branch, folder] of [
    [one, FOLDERS[0]],
    [other, FOLDERS[1]],
  ] as const) {
    await fill(join(branch, "volume", folder));
    await mkdir(join(branch, "volume/both"));
    await writeFile(join(branch, "volume/both", folder), folder);
  }
}

const UNIONS = {
  mergerfs: () => FolderFileSystem.mergerfs({ fillBranches }),
  overlay: () =>
    FolderFileSystem.overlay({
      fillLower: async (lower) => {
        for (const folder of FOLDERS) await fill(join(lower, "volume", folder));
      },
    }),
} as const;

async function setUp(fileSystem: FolderFileSystem): Promise<Setting> {
  const sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into", { driverOpts: fileSystem.bind("volume") });
  const archive = await packFiles(sandbox.folder, { "new/file": "new", file: "new" });
  const user = await sandbox.running("user", await sandbox.waiting(into.name));
  const folder = join(fileSystem.folder, "volume");
  return {
    sandbox,
    into: { name: into.name, folder },
    userId: user.id,
    archive,
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
}

/** Every file with what is in it, by the names at the top. */
async function contentsOf(folder: string): Promise<string> {
  const list =
    'cd "$0" && find . -type f -not -path "./.dockform-*" | LC_ALL=C sort | xargs md5sum';
  return (await run("sh", ["-c", list, folder])).toString();
}

/** Kills the helper in the middle of taking out the old contents, unless the command ends before that. */
async function killWhileMoving({ sandbox, into }: Setting, process: CliProcess): Promise<void> {
  const ended = process.ended.then(() => "ended");
  while (!isMovingOut(into.folder)) {
    if ((await Promise.race([ended, sleep(5)])) === "ended") return;
  }
  await sleep(100);
  for (const id of await sandbox.helpers()) {
    await killContainer(sandbox.engine, id, AbortSignal.timeout(30_000)).catch(() => {});
  }
}

function isMovingOut(folder: string): boolean {
  const staging = readdirSync(folder).filter((name) => /^\.dockform-[0-9a-f]{12}$/.test(name));
  return staging.some((name) => existsSync(join(folder, name, "old.partial")));
}

for (const [name, make] of Object.entries(UNIONS)) {
  test(`on ${name} a swap is refused before anything is touched`, { skip }, async () => {
    await using fileSystem = await make();
    await using setting = await setUp(fileSystem);
    const { sandbox, into, archive, userId } = setting;
    const before = await sandbox.evidence(into.folder, [userId]);
    const args = ["volume", "restore", into.name, archive, ...FLAGS, "--json"];
    for (const more of [[], ["--dry-run"], ["--keep-previous"]]) {
      assertError(await sandbox.dockform([...args, ...more]), {
        exitCode: 3,
        message: new RegExp(`cannot be renamed: its file system \\((fuse\\.)?${name}\\)`),
        hint: /--in-place/,
      });
    }
    assertUntouched(before, await sandbox.evidence(into.folder, [userId]));
    assert.deepEqual(await sandbox.leftBehind(), []);
  });

  for (const [what, flaw] of [
    ["a helper that is killed in a swap", undefined],
    ["a swap that nothing was known of beforehand", UNSUSPECTING],
  ] as const) {
    test(`on ${name} ${what} loses nothing`, { skip }, async () => {
      await using fileSystem = await make();
      await using setting = await setUp(fileSystem);
      const { sandbox, into, archive, userId } = setting;
      const before = await contentsOf(into.folder);
      const args = ["volume", "restore", into.name, archive, ...FLAGS];
      const main = flaw === undefined ? {} : { main: await sandbox.flawed(flaw) };
      const process = sandbox.start(args, main);
      await killWhileMoving(setting, process);
      const { code, stderr } = await process.ended;
      assert.notEqual(code, 0, stderr);
      await sandbox.helpersEnded();
      await sandbox.dockform(["volume", "recover", into.name, "--health-timeout", "0"]);
      assert.equal(await contentsOf(into.folder), before, stderr);
      assert.equal(await sandbox.state(userId), "running", stderr);
    });
  }

  test(`on ${name} a restore in place has its way, and a way back`, { skip }, async () => {
    await using fileSystem = await make();
    await using setting = await setUp(fileSystem);
    const { sandbox, into, archive, userId } = setting;
    const before = await contentsOf(into.folder);
    const { stderr } = await sandbox.restore(into.name, archive, [...FLAGS, "--in-place"]);
    const [, safety = ""] = /The old contents are in (.*)$/m.exec(stderr) ?? [];
    const isNew = (lines: string): boolean => /\.\/file\n.*\.\/new\/file\n$/s.test(lines);
    assert.ok(isNew(await contentsOf(into.folder)), stderr);
    assert.equal(await sandbox.state(userId), "running");
    await sandbox.restore(into.name, safety, [...FLAGS, "--in-place"]);
    assert.equal(await contentsOf(into.folder), before);
    assert.deepEqual(await sandbox.leftBehind(), []);
  });

  test(`on ${name} a restore in place that is killed ends with all of one`, { skip }, async () => {
    await using fileSystem = await make();
    await using setting = await setUp(fileSystem);
    const { sandbox, into, archive, userId } = setting;
    const before = await contentsOf(into.folder);
    const process = sandbox.start([
      "volume",
      "restore",
      into.name,
      archive,
      ...FLAGS,
      "--in-place",
    ]);
    await killWhileMoving(setting, process);
    const { code, stderr } = await process.ended;
    await sandbox.helpersEnded();
    const recovery = await sandbox.dockform(["volume", "recover", into.name]);
    assert.equal(recovery.code, 0, stderr + recovery.stderr);
    const after = await contentsOf(into.folder);
    assert.ok(code === 0 ? after !== before : after === before, stderr);
    if ((await sandbox.state(userId)) !== "running") await startContainer(sandbox.engine, userId);
  });
}

test("on mergerfs a disk that is full loses nothing", { skip }, async () => {
  const bytes = 16 << 20;
  await using small = await FileSystem.create({ bytes });
  await using other = await FileSystem.create({ bytes });
  await using fileSystem = await FolderFileSystem.mergerfs({
    fillBranches: async (...branches) => {
      for (const [i, disk] of [small, other].entries()) {
        await run("mount", ["--bind", disk.folder, branches[i] ?? ""]);
        // More than the other has room for.
        await fill(join(disk.folder, "volume", `folder-${i}`), 2500);
      }
    },
  });
  try {
    await using setting = await setUp(fileSystem);
    const { sandbox, into, archive, userId } = setting;
    const before = await contentsOf(into.folder);
    await sandbox.dockform(["volume", "restore", into.name, archive, ...FLAGS]);
    await sandbox.dockform(["volume", "recover", into.name, "--health-timeout", "0"]);
    assert.equal(await contentsOf(into.folder), before);
    assert.equal(await sandbox.state(userId), "running");
  } finally {
    await attempt("umount", ["--lazy", fileSystem.folder]);
    for (const part of ["one", "other"]) await attempt("umount", ["--lazy", fileSystem.part(part)]);
  }
});

/** Exits where it finds the new contents, and something else where that is asked for. */
const picky = (also = ""): string =>
  `while :; do if [ -e /data/new ] ${also}; then exit 1; fi; sleep 0.1; done`;

async function emptyOnBoth(...branches: readonly string[]): Promise<void> {
  for (const branch of branches) await mkdir(join(branch, "volume"));
}

test("on a union that spreads new contents the old ones come back", { skip }, async () => {
  await using fileSystem = await FolderFileSystem.mergerfs({
    fillBranches: emptyOnBoth,
    policy: "pfrd",
  });
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into", { driverOpts: fileSystem.bind("volume") });
  const files = Array.from({ length: 12 }, (_, i) => [`folder-${i % 3}/${i}`, "new"] as const);
  const archive = await packFiles(sandbox.folder, { ...Object.fromEntries(files), new: "new" });
  const user = await sandbox.running("user", await sandbox.waiting(into.name, { Cmd: [picky()] }));
  const flags = ["--undeclared", "--stop-containers", "--health-timeout", "20"];
  const failed = await sandbox.dockform(["volume", "restore", into.name, archive, ...flags]);
  assert.match(
    failed.stderr,
    /The old contents are in place again, and the containers run on them/,
  );
  assert.deepEqual(readdirSync(join(fileSystem.folder, "volume")), []);
  assert.equal(await sandbox.state(user.id), "running");
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test(
  "on a union what cannot go back stays, with the old contents beside it",
  { skip },
  async () => {
    await using fileSystem = await FolderFileSystem.mergerfs({ fillBranches: emptyOnBoth });
    await using sandbox = await Sandbox.create(host);
    const into = await sandbox.volume("into", { driverOpts: fileSystem.bind("volume") });
    const folder = join(fileSystem.folder, "volume");
    await writeFile(join(folder, "old"), "old");
    const archive = await packFiles(sandbox.folder, { new: "new" });
    const command = picky("&& [ -e /data/late ]");
    await sandbox.running("user", await sandbox.waiting(into.name, { Cmd: [command] }));
    const flags = ["--undeclared", "--force", "--stop-containers", "--health-timeout", "20"];
    const restore = sandbox.start(["volume", "restore", into.name, archive, ...flags]);
    while (!existsSync(join(folder, "new"))) await sleep(20);
    // Where a container's own file may come to lie: on the disk that our folder is not on.
    const isOurs = (branch: string): boolean =>
      readdirSync(join(fileSystem.part(branch), "volume")).some((name) => name.startsWith("."));
    const other = ["one", "other"].find((branch) => !isOurs(branch)) ?? "";
    await writeFile(join(fileSystem.part(other), "volume/late"), "late");
    const { code, stderr } = await restore.ended;
    assert.equal(code, 1, stderr);
    assert.match(stderr, /The new contents stay .* folder \.dockform-kept\/contents/);
    assert.deepEqual(readdirSync(folder).toSorted(), [".dockform-kept", "late", "new"]);
    assert.deepEqual(readdirSync(join(folder, ".dockform-kept/contents")), ["old"]);
    const recovery = await sandbox.dockform(["volume", "recover", into.name]);
    assert.equal(recovery.code, 0, recovery.stderr);
  },
);

/** Everything of a volume lies on the second branch, what is kept included, and new folders are made on the first. */
async function keptOnTheOther(fileSystem: FolderFileSystem, sandbox: Sandbox): Promise<TestVolume> {
  const into = await sandbox.volume("into", { driverOpts: fileSystem.bind("volume") });
  const folder = join(fileSystem.folder, "volume");
  await writeFile(join(folder, "file"), "old");
  const archive = await packFiles(sandbox.folder, { file: "new" });
  await sandbox.restore(into.name, archive, ["--undeclared", "--force", "--keep-previous"]);
  await mkdir(join(fileSystem.part("one"), "volume"));
  return { name: into.name, folder };
}

const onTheOther = async (_one: string, other: string): Promise<void> => {
  await mkdir(join(other, "volume"));
};

test("on a union an undo works on the disk that has what is kept", { skip }, async () => {
  await using fileSystem = await FolderFileSystem.mergerfs({ fillBranches: onTheOther });
  await using sandbox = await Sandbox.create(host);
  const { name, folder } = await keptOnTheOther(fileSystem, sandbox);
  const undo = ["volume", "undo", name, "--undeclared"];
  for (const content of ["old", "new"]) {
    const { code, stderr } = await sandbox.dockform(undo);
    assert.equal(code, 0, stderr);
    assert.equal(await readFile(join(folder, "file"), "utf8"), content);
  }
  const discard = await sandbox.dockform([...undo, "--discard", "--skip-confirmation"]);
  assert.equal(discard.code, 0, discard.stderr);
  assert.deepEqual(readdirSync(folder), ["file"]);
});

test(
  "on a union what is kept on another disk makes way for what is kept next",
  { skip },
  async () => {
    await using fileSystem = await FolderFileSystem.mergerfs({ fillBranches: onTheOther });
    await using sandbox = await Sandbox.create(host);
    const { name, folder } = await keptOnTheOther(fileSystem, sandbox);
    // As after a rebalancing of the disks.
    await rename(
      join(fileSystem.part("other"), "volume/file"),
      join(fileSystem.part("one"), "volume/file"),
    );
    const archive = await packFiles(sandbox.folder, { file: "newest" });
    const flags = ["--undeclared", "--force", "--keep-previous", "--discard-kept"];
    await sandbox.restore(name, archive, flags);
    assert.equal(await readFile(join(folder, ".dockform-kept/contents/file"), "utf8"), "new");
    assert.deepEqual(readdirSync(folder).toSorted(), [".dockform-kept", "file"]);
  },
);

test(
  "in place, what cannot be removed either is refused before anything is touched",
  { skip },
  async () => {
    await using fileSystem = await FolderFileSystem.mergerfs({
      fillBranches: async (one, other) => {
        await fill(join(one, "volume/aa"), 3);
        await fill(join(other, "volume/bb"), 3);
      },
    });
    await using setting = await setUp(fileSystem);
    const { sandbox, into, archive, userId } = setting;
    const fixed = [
      join(fileSystem.part("one"), "volume/aa/1"),
      join(fileSystem.part("other"), "volume/bb/1"),
    ];
    await run("chattr", ["+i", ...fixed]);
    try {
      const before = await sandbox.evidence(into.folder, [userId]);
      const args = ["volume", "restore", into.name, archive, ...FLAGS, "--in-place", "--json"];
      assertError(await sandbox.dockform(args), {
        exitCode: 3,
        message: /(aa|bb)\/1 in volume .* cannot be renamed: it is immutable or append-only$/,
        hint: /chattr -i -a (aa|bb)\/1/,
      });
      assertUntouched(before, await sandbox.evidence(into.folder, [userId]));
    } finally {
      await run("chattr", ["-i", ...fixed]);
    }
  },
);
