/** Archives of other programs, which hold the folder that a volume was mounted on, and not its contents. */
import assert from "node:assert/strict";
import { link, mkdir, readFile, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { run } from "../../oracle/host.ts";
import { describeTree, differences } from "../../oracle/tree.ts";
import { assertError, packFolder, writeFiles, writeSidecar } from "../archives.ts";
import { FileSystem } from "../file-system.ts";
import { assertUntouched } from "../evidence.ts";
import { Sandbox } from "../harness.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skip, skipUnlessPrivate } = await testEngine();

const FAITHFUL = ["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "--format=posix"];

/** Packs a folder under another name, as the programs of the names below do. */
type Pack = (source: string, archive: string) => Promise<unknown>;

/** As Go's archive/tar writes what offen/docker-volume-backup gives it: folders have no slash at their end. */
const WALK = `
import os, sys, tarfile
source, archive, top = sys.argv[1:]
with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as tar:
    def add(path, name):
        info = tar.gettarinfo(path)
        info.name = name
        if info.islnk(): info.linkname = info.linkname.replace(source.lstrip("/"), top + "/app_data", 1)
        if info.isreg():
            with open(path, "rb") as file: tar.addfile(info, file)
        else: tar.addfile(info)
    if top: add(os.path.dirname(source), top)
    for folder, folders, files in os.walk(source):
        name = top + "/app_data" + folder[len(source):]
        add(folder, name)
        for each in files + [each for each in folders if os.path.islink(os.path.join(folder, each))]:
            add(os.path.join(folder, each), name + "/" + each)
        folders[:] = [each for each in folders if not os.path.islink(os.path.join(folder, each))]
`;

function renamed(to: string): Pack {
  return async (source, archive) => {
    // Not the targets of symbolic links.
    const transform = `--transform=flags=rh;s,^\\.,${to},`;
    await run("tar", ["-P", ...FAITHFUL, transform, "-cf", archive, "-C", source, "."]);
  };
}

const walked =
  (top: string): Pack =>
  async (source, archive) =>
    run("python3", ["-c", WALK, source, archive, top]);

const LAYOUTS: readonly {
  readonly name: string;
  readonly pack: Pack;
  readonly folder: string;
  readonly depth: number;
}[] = [
  { name: "offen's, absolute", pack: walked("/backup"), folder: "backup/app_data", depth: 2 },
  { name: "offen's, relative", pack: walked("backup"), folder: "backup/app_data", depth: 2 },
  { name: "vackup's", pack: renamed("vackup-volume"), folder: "vackup-volume", depth: 1 },
  {
    name: "the engine's own folder",
    pack: renamed("/var/lib/docker/volumes/app/_data"),
    folder: "var/lib/docker/volumes/app/_data",
    depth: 6,
  },
];

/** A folder as a database has one: the root's owner and mode matter. */
async function fillSource(folder: string): Promise<void> {
  await writeFiles(folder, { PG_VERSION: "15\n", "base/1/112": "data", "base/1/with blank": "x" });
  await link(join(folder, "base/1/112"), join(folder, "other-name"));
  await symlink("/backup/app_data/PG_VERSION", join(folder, "absolute"));
  await run("chown", ["-R", "-h", "70:70", folder]);
  await run("chmod", ["2750", folder]);
  // The oldest format knows whole seconds alone.
  await run("find", [folder, "-exec", "touch", "-h", "-d", "2001-02-03 04:05:06 UTC", "{}", "+"]);
}

async function archiveOf(
  sandbox: Sandbox,
  pack: Pack,
): Promise<{ readonly source: string; readonly archive: string }> {
  const source = sandbox.path("source", "app_data");
  await mkdir(source, { recursive: true });
  await fillSource(source);
  const archive = sandbox.path("other.tar");
  await pack(source, archive);
  return { source, archive };
}

async function declaredVolume(sandbox: Sandbox, suffix = "into"): Promise<TestVolume> {
  const volume = await sandbox.volume(suffix);
  await sandbox.declare(volume.name);
  return volume;
}

/** The command that a hint gives for a flag, as arguments. */
function commandIn(stderr: string, flag: string): readonly string[] {
  const [, words] = new RegExp(`^ *dockform (.* ${flag}.*)$`, "m").exec(stderr) ?? [];
  assert.ok(words, stderr);
  return words.split(" ");
}

for (const { name, pack, folder, depth } of LAYOUTS) {
  test(
    `an archive in a folder is refused, with the command that restores it: ${name}`,
    { skip },
    async () => {
      await using sandbox = await Sandbox.create(host);
      const { source, archive } = await archiveOf(sandbox, pack);
      const into = await declaredVolume(sandbox);
      await writeFiles(into.folder, { old: "old" });
      const before = await sandbox.evidence(into.folder);
      const args = ["volume", "restore", into.name, archive, "--force", "--verify"];
      const refused = await sandbox.dockform(args);
      assert.equal(refused.code, 3, refused.stderr);
      assert.match(
        refused.stderr,
        new RegExp(
          `error: all of \\S+/other\\.tar lies in the folder ${folder}, which holds [^\\n]*PG_VERSION`,
        ),
      );
      assertUntouched(before, await sandbox.evidence(into.folder));

      const command = commandIn(refused.stderr, `--strip-components ${depth}`);
      assert.deepEqual(command, [...args, "--strip-components", String(depth)]);
      const restored = await sandbox.dockform(command);
      assert.equal(restored.code, 0, restored.stderr);
      const tree = await describeTree(into.folder);
      assert.deepEqual(differences(await describeTree(source), tree), []);
      assert.deepEqual(await sandbox.leftBehind(), []);

      const from = await sandbox.dockform([...args, "--from", folder]);
      assert.equal(from.code, 0, from.stderr);
      assert.deepEqual(differences(tree, await describeTree(into.folder)), []);
    },
  );
}

test("what is right as it is is restored as it is", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { archive } = await archiveOf(sandbox, renamed("data"));
  const into = await declaredVolume(sandbox);
  const refused = await sandbox.dockform(["volume", "restore", into.name, archive]);
  const restored = await sandbox.dockform(commandIn(refused.stderr, "--strip-components 0"));
  assert.equal(restored.code, 0, restored.stderr);
  assert.deepEqual(await readdir(into.folder), ["data"]);
});

test(
  "one folder is no wrapper where the archive tells of the root, or is our own",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const into = await declaredVolume(sandbox);
    await writeFiles(into.folder, { "data/file": "x" });
    const { archive } = await sandbox.snapshot(into.name);
    for (const other of [archive, await packFolder(into.folder, sandbox.path("rooted.tar.zst"))]) {
      const restored = await sandbox.dockform(["volume", "restore", into.name, other, "--force"]);
      assert.equal(restored.code, 0, restored.stderr);
      assert.equal(await readFile(join(into.folder, "data/file"), "utf8"), "x");
    }
  },
);

test(
  "an archive of the folder above a volume's own is refused, root entry or not",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const into = await declaredVolume(sandbox);
    await writeFiles(sandbox.path("volume"), { "_data/base/PG_VERSION": "15" });
    const archive = await packFolder(sandbox.path("volume"), sandbox.path("above.tar.zst"));
    const refused = await sandbox.dockform(["volume", "restore", into.name, archive]);
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /lies in the folder _data, which holds base/);
    const restored = await sandbox.dockform(commandIn(refused.stderr, "--strip-components 1"));
    assert.equal(restored.code, 0, restored.stderr);
    assert.equal(await readFile(join(into.folder, "base/PG_VERSION"), "utf8"), "15");
  },
);

test("a sidecar that is not our own vouches for no layout", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { source, archive } = await archiveOf(sandbox, renamed("data"));
  const into = await declaredVolume(sandbox);
  await writeSidecar(archive, { volume_name: into.name });
  const refused = await sandbox.dockform(["volume", "restore", into.name, archive]);
  assert.equal(refused.code, 3, refused.stderr);
  const restored = await sandbox.dockform(commandIn(refused.stderr, "--strip-components 1"));
  assert.equal(restored.code, 0, restored.stderr);
  assert.match(restored.stdout, /checksum verified/);
  assert.deepEqual(differences(await describeTree(source), await describeTree(into.folder)), []);
  await writeSidecar(archive, {
    volume_name: into.name,
    checksum: { algo: "sha256", tar: "0".repeat(64) },
  });
  assertError(
    await sandbox.dockform([
      "volume",
      "restore",
      into.name,
      archive,
      "--force",
      "--strip-components",
      "1",
      "--json",
    ]),
    { exitCode: 4, message: /checksum mismatch/, hint: /another snapshot/ },
  );
});

/** Two volumes in one backup, and a file beside them. */
async function twoVolumes(sandbox: Sandbox): Promise<string> {
  const source = sandbox.path("two");
  await fillSource(join(source, "backup/app_data"));
  await writeFiles(source, { "backup/db/file": "of db" });
  const archive = sandbox.path("two.tar.gz");
  await run("tar", [...FAITHFUL, "-czf", archive, "-C", source, "backup"]);
  return archive;
}

test(
  "of several volumes in one archive the one that is meant is offered and restored",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const archive = await twoVolumes(sandbox);
    const into = await declaredVolume(sandbox, "myproject_app_data");
    const refused = await sandbox.dockform(["volume", "restore", into.name, archive]);
    assert.equal(refused.code, 3, refused.stderr);
    const restored = await sandbox.dockform([
      ...commandIn(refused.stderr, "--from backup/app_data"),
      "--json",
      "--verify",
    ]);
    assert.equal(restored.code, 0, restored.stderr);
    const report: { outside_entries: number } = JSON.parse(restored.stdout);
    assert.equal(report.outside_entries, 2);
    const source = sandbox.path("two/backup/app_data");
    assert.deepEqual(differences(await describeTree(source), await describeTree(into.folder)), []);

    const args = ["volume", "restore", into.name, archive, "--force", "--json"];
    assertError(await sandbox.dockform([...args, "--strip-components", "2"]), {
      exitCode: 2,
      message: /^the top 2 folders of \S+ cannot be left out: backup\/\w+ is beside backup\/\w+$/,
      hint: /--from/,
    });
    assertError(await sandbox.dockform([...args, "--strip-components", "9"]), {
      exitCode: 2,
      message: /is beside|is not 9 folders deep/,
      hint: /./,
    });
    assertError(await sandbox.dockform([...args, "--from", "backup/none"]), {
      exitCode: 2,
      message: /does not hold the folder backup\/none/,
      hint: /snapshot files/,
    });
    assertError(await sandbox.dockform([...args, "--from", "backup/db/file"]), {
      exitCode: 2,
      message: /backup\/db\/file in \S+ is not a folder/,
      hint: /snapshot files/,
    });
    assertError(await sandbox.dockform([...args, "--from", "../backup"]), {
      exitCode: 2,
      message: /is not a folder inside an archive/,
      hint: /snapshot files/,
    });
    const both = await sandbox.dockform([...args, "--from", "backup", "--strip-components", "1"]);
    assert.equal(both.code, 2);
    assert.deepEqual(differences(await describeTree(source), await describeTree(into.folder)), []);
  },
);

test("a folder too few is restored with a warning", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { archive } = await archiveOf(sandbox, renamed("backup/app_data"));
  const into = await declaredVolume(sandbox);
  const args = ["volume", "restore", into.name, archive, "--strip-components", "1"];
  const { code, stderr } = await sandbox.dockform(args);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /warning: .*only one more folder at its top, app_data/);
});

test(
  "a hard link to what lies outside the folder is refused before anything is touched",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const source = sandbox.path("source");
    await writeFiles(source, { "a/file": "x", "b/other": "y" });
    await link(join(source, "a/file"), join(source, "b/link"));
    const archive = sandbox.path("linked.tar");
    await run("tar", ["-cf", archive, "-C", source, "a", "b"]);
    const into = await declaredVolume(sandbox);
    await writeFiles(into.folder, { old: "old" });
    const before = await sandbox.evidence(into.folder);
    const args = ["volume", "restore", into.name, archive, "--force", "--json"];
    assertError(await sandbox.dockform([...args, "--from", "b"]), {
      exitCode: 3,
      message: /b\/link in \S+ is a hard link to a\/file, which lies outside of b/,
      hint: /both/,
    });
    assertUntouched(before, await sandbox.evidence(into.folder));
  },
);

test("--path takes from the folder that is the root", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { archive } = await archiveOf(sandbox, renamed("backup/app_data"));
  const into = await declaredVolume(sandbox);
  await writeFiles(into.folder, { kept: "kept" });
  const args = ["volume", "restore", into.name, archive, "--path", "base/1/112"];
  const refused = await sandbox.dockform([
    "volume",
    "restore",
    into.name,
    archive,
    "--path",
    "backup/app_data/base",
  ]);
  assert.equal(refused.code, 3, refused.stderr);
  assert.match(refused.stderr, /lies in the folder backup\/app_data/);
  const restored = await sandbox.dockform([...args, "--strip-components", "2"]);
  assert.equal(restored.code, 0, restored.stderr);
  assert.equal(await readFile(join(into.folder, "base/1/112"), "utf8"), "data");
  assert.equal(await readFile(join(into.folder, "kept"), "utf8"), "kept");
});

test(
  "in place, a folder of an archive takes the place of what was there",
  { skip: skipUnlessPrivate },
  async () => {
    await using fs = await FileSystem.create({ bytes: 24 << 20 });
    await using sandbox = await Sandbox.create(host);
    await writeFiles(fs.folder, { large: Buffer.alloc(12 << 20, "old") });
    const into = await sandbox.volume("into", { driverOpts: fs.driverOpts });
    await sandbox.declare(into.name);
    await writeFiles(sandbox.path("source"), { "backup/large": Buffer.alloc(11 << 20, "new") });
    const archive = sandbox.path("other.tar");
    await run("tar", ["-cf", archive, "-C", sandbox.path("source"), "backup"]);
    const args = ["volume", "restore", into.name, archive, "--force", "--from", "backup"];
    const refused = await sandbox.dockform(args);
    assert.equal(refused.code, 3, refused.stderr);
    assert.match(refused.stderr, /--in-place/);
    const restored = await sandbox.dockform([...args, "--in-place"]);
    assert.equal(restored.code, 0, restored.stderr);
    assert.equal((await readFile(join(fs.folder, "large"))).subarray(0, 3).toString(), "new");
  },
);
