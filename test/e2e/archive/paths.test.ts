import assert from "node:assert/strict";
import {
  appendFile,
  link,
  readFile,
  readdir,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { run } from "../../oracle/host.ts";
import { describeTree, differences, type TreeEntry } from "../../oracle/tree.ts";
import { assertError, packFolder, writeFiles } from "../archives.ts";
import { assertUntouched } from "../evidence.ts";
import { Sandbox } from "../harness.ts";
import type { TestVolume } from "../engine-objects.ts";
import { UNSUSPECTING } from "../flawed-helper.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

/** A newline, a blank, bytes that are no text, and what a shell might take for an escape. */
const ODD_NAME = "odd \n\u00e4name \\0101 \\";
/** As somebody types it. */
const TYPED_ODD_NAME = ODD_NAME.replaceAll("\\", "\\\\");

interface Setting {
  readonly volume: TestVolume;
  readonly archive: string;
  /** As it was when the snapshot was taken. */
  readonly tree: readonly TreeEntry[];
}

async function setUp(sandbox: Sandbox): Promise<Setting> {
  const volume = await sandbox.volume("data");
  await writeFiles(volume.folder, {
    "config/app.ini": "then",
    "config/other.ini": "then",
    "photos/2026/one": "then",
    "photos/2026/two": "then",
    [`photos/${ODD_NAME}`]: "then",
    top: "then",
  });
  await link(join(volume.folder, "photos/2026/one"), join(volume.folder, "favourite"));
  await run("setfattr", ["-n", "user.note", "-v", "then", join(volume.folder, "photos")]);
  await sandbox.declare(volume.name);
  const { archive } = await sandbox.snapshot(volume.name);
  return { volume, archive, tree: await describeTree(volume.folder) };
}

function restoreArgs(
  { volume, archive }: Setting,
  paths: readonly string[],
  ...more: readonly string[]
): readonly string[] {
  const flags = paths.flatMap((path) => ["--path", path]);
  return ["volume", "restore", volume.name, archive, ...flags, "--health-timeout", "0", ...more];
}

function only(tree: readonly TreeEntry[], ...paths: readonly string[]): readonly TreeEntry[] {
  return tree.filter(({ path }) =>
    paths.some((p) => path === `./${p}` || path.startsWith(`./${p}/`)),
  );
}

test("one file comes back, and nothing else changes", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const { folder } = setting.volume;
  await writeFile(join(folder, "config/app.ini"), "now");
  await writeFile(join(folder, "config/other.ini"), "now");
  const { code, stderr } = await sandbox.dockform(
    restoreArgs(setting, ["config/app.ini"], "--force"),
  );
  assert.equal(code, 0, stderr);
  assert.equal(await readFile(join(folder, "config/app.ini"), "utf8"), "then");
  assert.equal(await readFile(join(folder, "config/other.ini"), "utf8"), "now");
  assert.deepEqual((await readdir(folder)).toSorted(), ["config", "favourite", "photos", "top"]);
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("a file with an odd name comes back in the place of what is there", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const file = join(setting.volume.folder, "photos", ODD_NAME);
  await writeFile(file, "now");
  const args = restoreArgs(setting, [`photos/${TYPED_ODD_NAME}`], "--force");
  const { code, stderr } = await sandbox.dockform(args);
  assert.equal(code, 0, stderr);
  assert.equal(await readFile(file, "utf8"), "then");
});

test("what is gone comes back with the folders on the way, as they were", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const { folder } = setting.volume;
  await rm(join(folder, "photos"), { recursive: true });
  const args = restoreArgs(setting, [
    "photos/2026",
    "./photos/2026/two",
    `photos/${TYPED_ODD_NAME}`,
  ]);
  const { code, stderr } = await sandbox.dockform([...args, "--verify"]);
  assert.equal(code, 0, stderr);
  // A hard link to what was there is one no more.
  const withoutLinks = (entries: readonly TreeEntry[]) =>
    only(entries, "photos").filter(({ path }) => path !== "./photos/2026/one");
  const after = await describeTree(folder);
  assert.deepEqual(differences(withoutLinks(setting.tree), withoutLinks(after)), []);
  assert.equal(await readFile(join(folder, "photos/2026/one"), "utf8"), "then");
});

test("another name of a file that is not asked for comes back as a file", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const { folder } = setting.volume;
  for (const name of ["favourite", "photos/2026/one"]) {
    await rm(join(folder, name));
    const { code, stderr } = await sandbox.dockform(restoreArgs(setting, [name]));
    assert.equal(code, 0, stderr);
    assert.equal(await readFile(join(folder, name), "utf8"), "then");
  }
});

test("a folder takes the place of what is there under its name", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const { folder } = setting.volume;
  await rm(join(folder, "config"), { recursive: true });
  await writeFile(join(folder, "config"), "a file now");
  await appendFile(join(folder, "photos/2026/two"), "now");
  await writeFile(join(folder, "photos/2026/three"), "now");
  const args = restoreArgs(setting, ["config", "photos/2026"], "--force");
  const { code, stderr } = await sandbox.dockform(args);
  assert.equal(code, 0, stderr);
  const names = ["config", "photos/2026/two"];
  const after = await describeTree(folder);
  assert.deepEqual(differences(only(setting.tree, ...names), only(after, ...names)), []);
  assert.deepEqual((await readdir(join(folder, "photos/2026"))).toSorted(), ["one", "two"]);
});

test("a plain GNU archive without ./ is looked into as well", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  await writeFiles(sandbox.path("source"), { "config/app.ini": "from elsewhere" });
  const archive = await packFolder(sandbox.path("source"), sandbox.path("plain.tar.zst"), [
    "--format=gnu",
    "--transform=s,^[.]/,,",
  ]);
  const args = restoreArgs({ ...setting, archive }, ["/config/app.ini"], "--force");
  const { code, stderr } = await sandbox.dockform(args);
  assert.equal(code, 0, stderr);
  const file = join(setting.volume.folder, "config/app.ini");
  assert.equal(await readFile(file, "utf8"), "from elsewhere");
});

test("what cannot be done is refused before anything is touched", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const { folder } = setting.volume;
  await rename(join(folder, "config"), join(folder, "elsewhere"));
  await symlink("elsewhere", join(folder, "config"));
  const user = await sandbox.running("user", await sandbox.waiting(setting.volume.name));
  const before = await sandbox.evidence(folder, [user.id]);
  const cases = [
    [["top"], [], 3, /holds top already; containers are using/, /--force/],
    [
      ["config/app.ini"],
      ["--force"],
      3,
      /the path to config\/app\.ini leads through a link/,
      /extract/,
    ],
    [["top"], ["--force"], 3, /^containers are using volume/, /--stop-containers/],
    [["nothing"], ["--force"], 2, /does not hold nothing$/, /snapshot files/],
    [["../top"], ["--force"], 2, /is not a path inside a volume/, /snapshot files/],
    [["."], ["--force"], 2, /is not a path inside a volume/, /omit --path/],
    [["top"], ["--force", "--keep-previous"], 2, /cannot be combined/, /snapshot first/],
  ] as const;
  for (const [paths, more, exitCode, message, hint] of cases) {
    const result = await sandbox.dockform(restoreArgs(setting, paths, ...more, "--json"));
    assertError(result, { exitCode, message, hint });
    assertUntouched(before, await sandbox.evidence(folder, [user.id]));
  }
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("a path that cannot be moved leaves all paths as they were", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const { folder } = setting.volume;
  await writeFile(join(folder, "config/app.ini"), "now");
  await run("chattr", ["+i", join(folder, "top")]);
  try {
    const before = await sandbox.evidence(folder);
    const args = restoreArgs(
      setting,
      ["config/app.ini", "photos/2026", "top"],
      "--force",
      "--json",
    );
    assertError(await sandbox.dockform(args), {
      exitCode: 3,
      message: /top in volume .* cannot be renamed: it is immutable/,
      hint: /Nothing was touched.*chattr -i/,
    });
    const main = await sandbox.flawed(UNSUSPECTING);
    assertError(await sandbox.dockform(args, { main }), {
      exitCode: 1,
      message: /could not be put in place: .*top/,
      hint: /old contents are in place/,
    });
    assertUntouched(before, await sandbox.evidence(folder));
  } finally {
    await run("chattr", ["-i", join(folder, "top")]);
  }
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("paths on which containers are not well are put back", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const { folder, name } = setting.volume;
  await writeFile(join(folder, "config/app.ini"), "now");
  await rm(join(folder, "photos"), { recursive: true });
  const picky = await sandbox.running(
    "picky",
    await sandbox.waiting(name, {
      Cmd: ["read line </data/config/app.ini; [ -e /data/photos ] || read line"],
    }),
  );
  const before = await sandbox.evidence(folder);
  const flags = ["--force", "--stop-containers", "--health-timeout", "5", "--json"];
  const args = restoreArgs(setting, ["config/app.ini", "photos/2026"], ...flags);
  assertError(await sandbox.dockform(args), {
    exitCode: 1,
    message: new RegExp(`^not healthy on the new contents: ${picky.name}: exited`),
    hint: /old contents are in place again/,
  });
  const times = ({ path }: TreeEntry): boolean => path !== "." && path !== "./config";
  const after = await describeTree(folder);
  assert.deepEqual(differences(before.tree.filter(times), after.filter(times)), []);
  assert.equal(await sandbox.state(picky.id), "running");
  assert.deepEqual(await sandbox.leftBehind(), []);
});
