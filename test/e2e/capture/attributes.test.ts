import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { run } from "../../oracle/host.ts";
import { describeTree, differences, type TreeEntry } from "../../oracle/tree.ts";
import { assertError, packFiles, writeFiles } from "../archives.ts";
import { FileSystem } from "../file-system.ts";
import { assertUntouched } from "../evidence.ts";
import { Sandbox } from "../harness.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

/** The beginning of a security descriptor as Samba's vfs_acl_xattr writes it: version 4, SHA-256. */
const NTACL = `0x04000400000002000400020001${"7b".repeat(66)}706f7369785f61636c00`;
const DOS_ATTRIBUTES = "0x00000500050000001100000020000000";

/** As Samba leaves files behind it: an ACL of Windows' on each, DOS attributes, a POSIX ACL. */
async function writeShare(folder: string): Promise<void> {
  const names = ["a", "b", "c", "d", "sub/e"];
  await writeFiles(folder, Object.fromEntries(names.map((name) => [name, name])));
  for (const name of [".", "sub", ...names]) {
    await run("setfattr", ["-n", "security.NTACL", "-v", NTACL, join(folder, name)]);
    await run("setfattr", ["-n", "user.DOSATTRIB", "-v", DOS_ATTRIBUTES, join(folder, name)]);
  }
  await run("setfacl", ["-m", "u:1000:rw", join(folder, "a")]);
}

async function attributes(path: string, name: string): Promise<readonly string[]> {
  const found = await run("getfattr", ["-R", "-h", "-m", `^${name}$`, "--absolute-names", path]);
  return found
    .toString()
    .split("\n")
    .filter((line) => line === name);
}

const withoutNtAcls = (tree: readonly TreeEntry[]): string =>
  JSON.stringify(tree)
    .replaceAll(/"security\.NTACL":"[^"]*",?/g, "")
    .replaceAll(",}", "}");

test(
  "a share of Samba's comes back but for what no helper may set, said once",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const from = await sandbox.volume("from");
    await writeShare(from.folder);
    const { archive } = await sandbox.snapshot(from.name);
    const into = await sandbox.volume("into");
    const args = ["--undeclared", "--verify", "--json"];
    const { stderr, stdout } = await sandbox.restore(into.name, archive, args);
    const warnings = stderr.split("\n").filter((line) => line.includes("security.NTACL"));
    assert.equal(warnings.length, 1, stderr);
    assert.match(
      warnings[0] ?? "",
      /left out: \S+, \S+, \S+ and 4 others: Cannot set attribute security\.NTACL: Operation not permitted/,
    );
    const printed: {
      readonly left_out: readonly { readonly attribute: string; readonly count: number }[];
    } = JSON.parse(stdout);
    assert.deepEqual(
      printed.left_out.map(({ attribute, count }) => [attribute, count]),
      [["security.NTACL", 7]],
    );
    assert.equal((await attributes(into.folder, "user.DOSATTRIB")).length, 7);
    assert.deepEqual(
      withoutNtAcls(await describeTree(into.folder)),
      withoutNtAcls(await describeTree(from.folder)),
    );
    assertError(
      await sandbox.dockform([
        "volume",
        "restore",
        into.name,
        archive,
        "--from-volume",
        from.name,
        "--json",
        "--undeclared",
        "--force",
        "--strict-attributes",
      ]),
      {
        exitCode: 1,
        message: /^cannot extract \S+: .* and 4 others: Cannot set attribute security\.NTACL/,
        hint: /old contents are in place.*--strict-attributes/,
      },
    );
  },
);

test(
  "a plain archive takes the place of a share of Samba's, and an undo that of it",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { name, folder } = await sandbox.volume("share");
    await writeShare(folder);
    const before = await describeTree(folder);
    const archive = await packFiles(sandbox.folder, { plain: "plain" });
    await sandbox.restore(name, archive, ["--undeclared", "--force", "--keep-previous"]);
    assert.equal(await readFile(join(folder, "plain"), "utf8"), "plain");
    assert.deepEqual(await attributes(join(folder, "plain"), "security.NTACL"), []);
    const { code, stderr } = await sandbox.dockform(["volume", "undo", name, "--undeclared"]);
    assert.equal(code, 0, stderr);
    await sandbox.dockform([
      "volume",
      "undo",
      name,
      "--undeclared",
      "--discard",
      "--skip-confirmation",
    ]);
    assert.deepEqual(differences(before, await describeTree(folder)), []);
  },
);

test("attributes are counted exactly, however many files have them", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  const names = Array.from({ length: 2500 }, (_, i) => `file-${i}`);
  await writeFiles(from.folder, Object.fromEntries(names.map((name) => [name, ""])));
  await run("sh", ["-c", 'cd "$0" && setfattr -n security.NTACL -v x file-*', from.folder]);
  const { archive } = await sandbox.snapshot(from.name);
  const into = await sandbox.volume("into");
  const { stderr } = await sandbox.restore(into.name, archive, ["--undeclared"]);
  assert.match(stderr, /and 2,497 others: Cannot set attribute security\.NTACL/);
  assert.ok(stderr.split("\n").length < 10, stderr);
});

test("what any helper can set is not left out without a word for it", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { old: "old" });
  const archive = sandbox.path("mac.tar");
  await writeFiles(sandbox.path("source"), { file: "new" });
  const pack = (name: string): Promise<unknown> =>
    run("tar", [
      "--create",
      `--file=${archive}`,
      `--directory=${sandbox.path("source")}`,
      "--format=posix",
      `--pax-option=SCHILY.xattr.${name}:=value`,
      "file",
    ]);
  await pack(`user.${"long".repeat(70)}`);
  const args = ["volume", "restore", into.name, archive, "--json", "--undeclared", "--force"];
  assertError(await sandbox.dockform(args), {
    exitCode: 1,
    message: /Cannot set attribute user\.long/,
    hint: /--without attributes/,
  });
  assert.equal(await readFile(join(into.folder, "old"), "utf8"), "old");
  const lenient = await sandbox.dockform([...args, "--without", "attributes"]);
  assert.equal(lenient.code, 0, lenient.stderr);
  await pack("com.apple.quarantine");
  const { code, stderr } = await sandbox.dockform(args);
  assert.equal(code, 0, stderr);
  assert.match(stderr, /left out: file: Cannot set attribute com\.apple\.quarantine/);
});

/** Declares a volume, and helpers with all that they need for its attributes. */
function declarePrivileged(sandbox: Sandbox, { name }: TestVolume): Promise<void> {
  return sandbox.manifest({ volumes: { [name]: {} }, helper: { capabilities: ["SYS_ADMIN"] } });
}

test("a snapshot says which attributes a restore may have to leave out", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  await writeShare(from.folder);
  const { sidecar, stderr } = await sandbox.snapshot(from.name);
  assert.deepEqual(sidecar["unrestorable_attributes"], { "security.NTACL": 7 });
  assert.match(
    stderr,
    /the attribute security\.NTACL of 7 entries is in the archive, and is restored only by/,
  );
  assert.deepEqual(sidecar["holds"], {
    owners: ["0:0"],
    attributes: 6,
    acls: 1,
    devices: 0,
    fifos: 0,
    symlinks: 0,
    hard_links: 0,
  });
  const plain = await sandbox.volume("plain");
  await writeFiles(plain.folder, { file: "plain" });
  await run("setfattr", ["-n", "user.a", "-v", "a", join(plain.folder, "file")]);
  const other = await sandbox.snapshot(plain.name);
  assert.equal("unrestorable_attributes" in other.sidecar, false);
});

test(
  "a helper with SYS_ADMIN stores and restores them all, and every command says so",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const volume = await sandbox.volume("share");
    await writeShare(volume.folder);
    await run("setfattr", ["-n", "trusted.secret", "-v", "s", join(volume.folder, "b")]);
    await run("setfattr", ["-n", "trusted.root", "-v", "r", volume.folder]);
    const before = await describeTree(volume.folder);
    await declarePrivileged(sandbox, volume);
    const { archive, sidecar, stderr } = await sandbox.snapshot(volume.name);
    assert.match(
      stderr,
      /helper containers run with SYS_ADMIN, as helper\.capabilities in \S+ says/,
    );
    assert.equal("unrestorable_attributes" in sidecar, false);
    const plain = await packFiles(sandbox.folder, { plain: "plain" });
    await sandbox.restore(volume.name, plain, ["--force"]);
    assert.deepEqual(await attributes(volume.folder, "trusted.root"), []);
    const restored = await sandbox.restore(volume.name, archive, [
      "--force",
      "--verify",
      "--strict-attributes",
    ]);
    assert.match(restored.stderr, /run with SYS_ADMIN/);
    assert.deepEqual(differences(before, await describeTree(volume.folder)), []);
  },
);

test("in place is refused where the old attributes would not come back", { skip }, async () => {
  await using fs = await FileSystem.create({ bytes: 16 << 20 });
  await using sandbox = await Sandbox.create(host);
  const { volume, archive } = await setUpFull(sandbox, fs);
  const user = await sandbox.running("user", await sandbox.waiting(volume.name));
  const before = await sandbox.evidence(fs.folder, [user.id]);
  assertError(await sandbox.dockform(inPlaceArgs(volume, archive)), {
    exitCode: 3,
    message:
      /has attributes that could not be put back from a snapshot: security\.NTACL of 7 entries$/,
    hint: /capabilities: \[SYS_ADMIN\]/,
  });
  assertUntouched(before, await sandbox.evidence(fs.folder, [user.id]));
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("attributes that nobody can name are not taken for none", { skip }, async () => {
  await using fs = await FileSystem.create({ bytes: 16 << 20 });
  await using sandbox = await Sandbox.create(host);
  const { volume, archive } = await setUpFull(sandbox, fs);
  const before = await sandbox.evidence(fs.folder);
  const main = await sandbox.flawed("has_getfattr() { false; }");
  assertError(await sandbox.dockform(inPlaceArgs(volume, archive), { main }), {
    exitCode: 3,
    message: /may have attributes that could not be put back .*: the helper has no getfattr$/,
    hint: /Make room/,
  });
  assertUntouched(before, await sandbox.evidence(fs.folder));
  const { sidecar } = await sandbox.snapshot(volume.name, [], { main });
  assert.match(String(sidecar["warnings"]), /cannot tell which attributes files have/);
});

test("attributes are found under a name of ours that is not at the top", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const volume = await sandbox.volume("nested");
  await writeFiles(volume.folder, { "backup/.dockform-kept/f": "f" });
  const file = join(volume.folder, "backup/.dockform-kept/f");
  await run("setfattr", ["--name=security.NTACL", "--value=acl", file]);
  const { sidecar } = await sandbox.snapshot(volume.name);
  assert.deepEqual(sidecar["unrestorable_attributes"], { "security.NTACL": 1 });
});

test(
  "a recovery from the snapshot has a way even where attributes cannot be put back",
  { skip },
  async () => {
    await using fs = await FileSystem.create({ bytes: 16 << 20 });
    await using sandbox = await Sandbox.create(host);
    const { volume, archive } = await setUpFull(sandbox, fs);
    const before = withoutNtAcls(await describeTree(fs.folder));
    await declarePrivileged(sandbox, volume);
    const restore = sandbox.start(inPlaceArgs(volume, archive));
    await restore.said("phase: extract");
    await restore.until("the old contents are gone", async () => {
      return !(await readdir(fs.folder)).includes("large");
    });
    restore.signal("SIGKILL");
    await restore.ended;
    await sandbox.helpersEnded();
    // As if somebody had thought better of it meanwhile.
    await sandbox.declare(volume.name);
    const { code, stderr } = await sandbox.dockform(["volume", "recover", volume.name]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /left out: .* and \d others: Cannot set attribute security\.NTACL/);
    assert.equal(withoutNtAcls(await describeTree(fs.folder)), before);
    assert.deepEqual(await sandbox.helpers(), []);
  },
);

test("a recovery from the snapshot says what it could not put back", { skip }, async () => {
  await using fs = await FileSystem.create({ bytes: 16 << 20 });
  await using sandbox = await Sandbox.create(host);
  await writeFiles(fs.folder, { large: randomBytes(9 << 20) });
  const volume = await sandbox.volume("full", { driverOpts: fs.driverOpts });
  await sandbox.declare(volume.name);
  const archive = await packFiles(sandbox.folder, { new: randomBytes(10 << 20) });
  const restore = sandbox.start(inPlaceArgs(volume, archive));
  await restore.said("phase: extract");
  await restore.until("the old contents are gone", async () => {
    return !(await readdir(fs.folder)).includes("large");
  });
  restore.signal("SIGKILL");
  await restore.ended;
  await sandbox.helpersEnded();
  // As tar says it where devices cannot be made.
  const main = await sandbox.flawed(`stoppable() { "$@"; }
tar() {
    command tar "$@" || return
    case " $* " in *' --extract '*' --block-number '*) ;; *) return 0 ;; esac
    echo "tar: ./disk: Cannot mknod: Operation not permitted" >&2
    return 2
  }`);
  const recovery = ["volume", "recover", volume.name, "--json"];
  assertError(await sandbox.dockform(recovery, { main }), {
    exitCode: 1,
    message: /are back, but incomplete: .*disk.*Cannot mknod/,
    hint: /Keep \S+\.tar\.zst/,
  });
  assert.deepEqual(await readdir(fs.folder), ["large"]);
  assert.deepEqual(await sandbox.helpers(), []);
  assert.equal((await sandbox.dockform(recovery)).code, 0);
});

/** A share that fills its file system, and what fits there only alone. */
async function setUpFull(
  sandbox: Sandbox,
  fs: FileSystem,
): Promise<{ readonly volume: TestVolume; readonly archive: string }> {
  await writeShare(fs.folder);
  await writeFiles(fs.folder, { large: randomBytes(9 << 20) });
  const volume = await sandbox.volume("full", { driverOpts: fs.driverOpts });
  await sandbox.declare(volume.name);
  return { volume, archive: await packFiles(sandbox.folder, { new: randomBytes(10 << 20) }) };
}

function inPlaceArgs({ name }: TestVolume, archive: string): readonly string[] {
  const flags = ["--force", "--stop-containers", "--health-timeout", "0", "--json", "-v"];
  return ["volume", "restore", name, archive, "--in-place", ...flags];
}
