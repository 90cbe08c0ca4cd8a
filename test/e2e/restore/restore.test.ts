import assert from "node:assert/strict";
import { copyFile, mkdir, readFile, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { describeTree } from "../../oracle/tree.ts";
import { run } from "../../oracle/host.ts";
import { assertError, packFiles, sidecarOf, writeFiles, writeSidecar } from "../archives.ts";
import { FileSystem } from "../file-system.ts";
import { assertUntouched } from "../evidence.ts";
import { Sandbox } from "../harness.ts";

const engine = await testEngine();
const { skip, skipUnlessPrivate } = engine;

/** 12 MB of zeros: small as .tar.zst, too large for the file system of the test below. */
const LARGE = Buffer.alloc(12_000_000);

test(
  "what is damaged is told first, and all that is refused at once",
  { skip: skipUnlessPrivate },
  async () => {
    await using fs = await FileSystem.create({ bytes: 8 << 20 });
    await using sandbox = await Sandbox.create(engine.host);
    await writeFiles(fs.folder, { "old/data": "precious" });
    const name = sandbox.name("into");
    const good = await packFiles(sandbox.folder, { large: LARGE });
    await writeSidecar(good, {
      volume_name: name,
      format_version: 1,
      uncompressed_bytes: 12_010_000,
      entry_count: 2,
    });
    const cut = join(sandbox.folder, "cut.tar.zst");
    await copyFile(good, cut);
    await truncate(cut, 200);
    const wrong = join(sandbox.folder, "wrong.tar.zst");
    await copyFile(good, wrong);
    await writeSidecar(wrong, {
      volume_name: name,
      checksum: { algo: "sha256", tar_zst: "0".repeat(64) },
    });
    const malformed = join(sandbox.folder, "malformed.tar.zst");
    await copyFile(cut, malformed);
    await writeFile(sidecarOf(malformed), "{");
    await writeFile(join(sandbox.folder, "unfit.zip"), "");
    await sandbox.manifest({ identifier: "x", volumes: {} });

    const refused = async (
      [path, ...flags]: readonly [string, ...string[]],
      exitCode: number,
      message: string | RegExp,
      hint: RegExp,
    ): Promise<void> => {
      const result = await sandbox.dockform(["volume", "restore", name, path, "--json", ...flags]);
      assertError(result, { exitCode, message, hint });
    };
    const undeclared = `volume "${name}" is not defined in manifest for context "default"`;
    await refused(["unfit.zip"], 3, undeclared, /--undeclared/);
    const notFound = new RegExp(`^volume "${name}" not found in Docker context "default"`);
    await refused(["unfit.zip", "--undeclared"], 3, notFound, /dockform apply/);
    await sandbox.declare(name);
    await refused(["unfit.zip"], 3, notFound, /dockform apply/);
    assert.equal(await sandbox.volumeExists(name), false);

    await sandbox.volume("into", { driverOpts: fs.driverOpts });
    const user = await sandbox.running("user", await sandbox.waiting(name));
    const before = await sandbox.evidence(fs.folder, [user.id]);
    await refused(
      ["unfit.zip"],
      2,
      /unfit\.zip is not a snapshot: expected \.tar\.zst, \.tar, or another/,
      /path/,
    );
    await refused(["missing.tar.zst"], 1, /missing\.tar\.zst does not exist/, /snapshot list/);
    await refused(
      ["malformed.tar.zst"],
      4,
      /malformed\.json is not valid: it is not JSON/,
      /\.json/,
    );
    await refused(
      ["wrong.tar.zst"],
      4,
      /checksum mismatch for .*wrong\.tar\.zst/,
      /another snapshot/,
    );
    await refused(["cut.tar.zst"], 4, /cut\.tar\.zst is damaged: /, /another snapshot/);
    const full = /cannot hold the old and the new contents at once: .* MB of space missing/;
    const inUse = `containers are using volume "${name}": ${user.name}, running`;
    const all = new RegExp(
      `for 3 reasons: .*volume "${name}" is not empty; ${inUse}; .*${full.source}`,
    );
    await refused([good], 3, all, /Make room .* --force --stop-containers$/);
    await refused([good, "--force", "--stop-containers"], 3, full, /Make room/);
    await refused([good, "--force", "--stop-containers", "--dry-run"], 3, full, /Make room/);
    assertUntouched(before, await sandbox.evidence(fs.folder, [user.id]));
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test("a volume is restored without a declaration when --undeclared says so", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const into = await sandbox.volume("into");
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const refused = await sandbox.dockform(["volume", "restore", into.name, archive, "--json"]);
  assertError(refused, {
    exitCode: 3,
    message: `there is no manifest, so volume "${into.name}" is not declared`,
    hint: /--undeclared/,
  });
  await sandbox.restore(into.name, archive, ["--undeclared"]);
  assert.equal(await readFile(join(into.folder, "file"), "utf8"), "new");
});

test("a folder named like a snapshot is refused", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const into = await sandbox.volume("into");
  await sandbox.declare(into.name);
  await mkdir(sandbox.path("folder.tar"));
  const result = await sandbox.dockform(["volume", "restore", into.name, "folder.tar", "--json"]);
  assertError(result, { exitCode: 1, message: /folder\.tar is not a file/, hint: /data file/ });
});

test(
  "a restore into a file system with too few inodes is refused",
  { skip: skipUnlessPrivate },
  async () => {
    await using fs = await FileSystem.create({ bytes: 16 << 20, inodes: 64 });
    await using sandbox = await Sandbox.create(engine.host);
    const into = await sandbox.volume("into", { driverOpts: fs.driverOpts });
    await sandbox.declare(into.name);
    const files = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, ""]));
    const archive = await packFiles(sandbox.folder, files);
    const before = await sandbox.evidence(fs.folder);
    for (const sidecar of [false, true]) {
      if (sidecar) await writeSidecar(archive, { volume_name: into.name, file_count: 100 });
      const result = await sandbox.dockform(["volume", "restore", into.name, archive, "--json"]);
      assertError(result, { exitCode: 3, message: /: \d+ inodes missing/, hint: /Make room/ });
    }
    assertUntouched(before, await sandbox.evidence(fs.folder));
  },
);

test("a dry run makes every check and changes nothing", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { "old/file": "old" });
  await sandbox.declare(into.name);
  const user = await sandbox.running("user", await sandbox.waiting(into.name));
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const before = await sandbox.evidence(into.folder, [user.id]);
  const args = ["--force", "--stop-containers", "--dry-run"];
  const { stdout } = await sandbox.restore(into.name, archive, args);
  assert.match(stdout, /^Dry run: .* can be restored into .* Nothing was changed\.$/m);
  const { stdout: json } = await sandbox.restore(into.name, archive, [...args, "--json"]);
  const report: { dry_run: boolean } = JSON.parse(json);
  assert.equal(report.dry_run, true);
  assertUntouched(before, await sandbox.evidence(into.folder, [user.id]));
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test(
  "a volume of another shape is restored with a warning that says what differs",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const into = await sandbox.volume("into", { labels: { tier: "here", same: "x" } });
    await sandbox.declare(into.name);
    const archive = await packFiles(sandbox.folder, { file: "new" });
    await writeSidecar(archive, {
      spec_hash: "01234567",
      driver: "elsewhere",
      driver_opts: { size: "1g" },
      labels: { tier: "there", same: "x" },
    });
    const { stderr } = await sandbox.restore(into.name, archive);
    assert.match(
      stderr,
      /warning: .* differs .*: driver: "elsewhere" there, "local" here; option size: "1g" there, not set here; label tier: "there" there, "here" here\n/,
    );
    assert.equal(stderr.includes("same"), false);
    await writeSidecar(archive);
    const bare = await sandbox.volume("bare");
    const { stderr: quiet } = await sandbox.restore(bare.name, archive, ["--undeclared"]);
    assert.equal(quiet, "");
  },
);

test("without a sidecar a good archive is restored with a warning", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  for (const format of ["tar.zst", "tar"] as const) {
    const into = await sandbox.volume(format);
    const archive = await packFiles(sandbox.folder, { "a/file": "new" }, format);
    const { stderr } = await sandbox.restore(into.name, archive, ["--undeclared"]);
    assert.match(stderr, /warning: .* has no sidecar/);
    assert.equal(await readFile(join(into.folder, "a/file"), "utf8"), "new");
  }
});

test(
  "old contents are replaced and not merged, the folder's own metadata included",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const from = await sandbox.volume("from");
    await writeFiles(from.folder, { "was-folder": "file", "was-file/x": "1", "both/new": "2" });
    const into = await sandbox.volume("into");
    await writeFiles(into.folder, {
      "was-folder/x": "old",
      "was-file": "old",
      "both/old": "old",
      "only-old/x": "old",
      ".hidden": "old",
      "--option": "old",
      "new\nline": "old",
    });
    // One of each kind that tools print in a notation of their own.
    for (const name of ["user.stale", "user.with blank", "user.new\nline", "user.back\\slash"]) {
      await python(
        `import os, sys; os.setxattr(sys.argv[1], sys.argv[2], b"1")`,
        into.folder,
        name,
      );
    }
    await run("setfacl", ["-m", "u:12345:rwx", "-d", "-m", "u:12345:rwx", into.folder]);
    await run("chown", ["70:71", into.folder]);
    await run("chmod", ["3777", into.folder]);
    await sandbox.declare(from.name, into.name);
    const { archive } = await sandbox.snapshot(from.name);
    await sandbox.restore(into.name, archive, ["--force"]);
    assert.deepEqual(await describeTree(into.folder), await describeTree(from.folder));
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test("an empty snapshot empties the volume", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const from = await sandbox.volume("from");
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { "old/file": "old" });
  await sandbox.declare(from.name, into.name);
  const { archive, sidecar } = await sandbox.snapshot(from.name);
  assert.equal(sidecar["file_count"], 0);
  await sandbox.restore(into.name, archive, ["--force"]);
  assert.deepEqual(await readdir(into.folder), []);
  assert.deepEqual(await describeTree(into.folder), await describeTree(from.folder));
  await rm(sidecarOf(archive));
  assertError(await sandbox.dockform(["volume", "restore", into.name, archive, "--json"]), {
    exitCode: 3,
    message: /is whole, but holds no files$/,
    hint: /--force-empty/,
  });
  await sandbox.restore(into.name, archive, ["--force-empty"]);
});

async function python(program: string, ...args: readonly string[]): Promise<void> {
  await run("python3", ["-c", program, ...args]);
}
