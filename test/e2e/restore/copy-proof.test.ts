import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { assertError, packFiles, writeFiles, writeSidecar } from "../archives.ts";
import { FileSystem } from "../file-system.ts";
import { assertUntouched } from "../evidence.ts";
import { Sandbox } from "../harness.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

const MIB = 2 ** 20;
const DESTROY = ["destroy", "--skip-confirmation", "--json", "-v"];
const PRUNE = ["apply", "--prune", "--skip-confirmation", "--json", "-v"];

/** A volume of this identifier that no manifest declares any more. */
async function orphan(sandbox: Sandbox): Promise<TestVolume> {
  await sandbox.manifest({ identifier: sandbox.prefix, volumes: {} });
  return sandbox.volume("orphan", { labels: { "io.dockform.identifier": sandbox.prefix } });
}

/** A program whose snapshots, and they alone, lack a file: tar says nothing of it. */
function leavingOut(sandbox: Sandbox, name: string): Promise<string> {
  return sandbox.flawed(`tar() {
    case " $* " in *' --create '*' --totals '*)
      if [ ! -e "$scratch/first" ]; then set -- --exclude=./${name} "$@"; fi
      : >"$scratch/first"
      ;;
    esac
    command tar "$@"
  }`);
}

for (const args of [DESTROY, PRUNE]) {
  test(
    `${args[0]}: a volume whose snapshot lacks a file without a word is kept`,
    { skip },
    async () => {
      await using sandbox = await Sandbox.create(host);
      const volume = await orphan(sandbox);
      await writeFiles(volume.folder, { kept: "kept", lost: "lost" });
      const before = await sandbox.evidence(volume.folder);
      const main = await leavingOut(sandbox, "lost");
      assertError(await sandbox.dockform(args, { main }), {
        exitCode: 3,
        message: new RegExp(`would not bring back all of volume "${volume.name}": lost added$`),
        hint: /was not removed/,
      });
      assertUntouched(before, await sandbox.evidence(volume.folder));
      assert.deepEqual(await sandbox.leftBehind(), []);
      const { code, stderr } = await sandbox.dockform(args);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /Verified: \S+ holds what volume \S+ holds/);
      assert.equal(await sandbox.volumeExists(volume.name), false);
    },
  );

  test(`${args[0]}: a volume that is written to meanwhile is kept`, { skip }, async () => {
    await using sandbox = await Sandbox.create(host);
    const volume = await orphan(sandbox);
    await writeFiles(volume.folder, { large: randomBytes(96 * MIB) });
    const removal = sandbox.start(args);
    const folder = sandbox.path(".dockform/snapshots", volume.name);
    await removal.until("data arrives", async () => {
      const [file] = await readdir(folder).catch(() => []);
      return file !== undefined && (await stat(join(folder, file))).size > 0;
    });
    await removal.whileStopped(() =>
      writeFile(join(volume.folder, "large"), "more", { flag: "a" }),
    );
    assertError(await removal.ended, {
      exitCode: 3,
      message: /would not bring back all of volume .*: large: file changed as we read it$/,
      hint: /Stop what writes to it/,
    });
    assert.equal(await sandbox.volumeExists(volume.name), true);
  });
}

test("destroy: what is written after the snapshot is found, and kept", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const volume = await orphan(sandbox);
  await writeFiles(volume.folder, { large: randomBytes(96 * MIB) });
  const removal = sandbox.start(DESTROY);
  await removal.said("phase: prove");
  await writeFile(join(volume.folder, "late"), "late");
  assertError(await removal.ended, {
    exitCode: 3,
    message: /would not bring back all of volume .*: (?:. changed.*; )?late added/,
    hint: /was not removed/,
  });
  assert.equal(await sandbox.volumeExists(volume.name), true);
});

for (const args of [DESTROY, PRUNE]) {
  test(
    `${args[0]}: what a volume keeps is found without the engine's record of it`,
    { skip },
    async () => {
      await using sandbox = await Sandbox.create(host);
      const volume = await orphan(sandbox);
      await writeFiles(volume.folder, { present: "present" });
      await mkdir(join(volume.folder, ".dockform-kept/contents"), { recursive: true });
      await writeFile(join(volume.folder, ".dockform-kept/contents/before"), "before");
      assertError(await sandbox.dockform(args), {
        exitCode: 3,
        message: new RegExp(`volume "${volume.name}" keeps contents since`),
        hint: /was not removed.*volume undo \S+ --discard/,
      });
      assert.equal(await sandbox.volumeExists(volume.name), true);
      assert.deepEqual(await sandbox.leftBehind(), []);
    },
  );
}

test("destroy: what was set aside in a volume is not given up with it", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const volume = await orphan(sandbox);
  await mkdir(join(volume.folder, ".dockform-aside-0123456789ab"));
  await writeFile(join(volume.folder, ".dockform-aside-0123456789ab", "theirs"), "theirs");
  assertError(await sandbox.dockform(DESTROY), {
    exitCode: 3,
    message: /\.dockform-aside-0123456789ab holds files that were set aside/,
    hint: /was not removed/,
  });
  assert.equal(await sandbox.volumeExists(volume.name), true);
  // destroy has written one, and warned of it.
  const { sidecar, stderr } = await sandbox.snapshot(volume.name, ["-v"]);
  assert.match(String(sidecar["warnings"]), /set aside/);
  assert.match(stderr, /debug: .*set aside/);
});

test(
  "in place, a safety snapshot that lacks a file is found before it is needed",
  { skip },
  async () => {
    await using fs = await FileSystem.create({ bytes: 16 * MIB });
    await using sandbox = await Sandbox.create(host);
    await writeFiles(fs.folder, { lost: "lost", large: randomBytes(9 * MIB) });
    const into = await sandbox.volume("into", { driverOpts: fs.driverOpts });
    await sandbox.declare(into.name);
    const user = await sandbox.running("user", await sandbox.waiting(into.name));
    const archive = await packFiles(sandbox.folder, { new: randomBytes(10 * MIB) });
    await writeSidecar(archive, { uncompressed_bytes: 10 * MIB + 10_240, file_count: 1 });
    const before = await sandbox.evidence(fs.folder);
    const main = await leavingOut(sandbox, "lost");
    const flags = ["--force", "--stop-containers", "--in-place", "--health-timeout", "0", "--json"];
    flags.push("--from-volume", "somewhere");
    const restore = ["volume", "restore", into.name, archive, ...flags];
    assertError(await sandbox.dockform(restore, { main }), {
      exitCode: 1,
      message: /would not bring back all of volume .*: lost added$/,
      hint: /old contents are in place/,
    });
    assertUntouched(before, await sandbox.evidence(fs.folder));
    assert.equal(await sandbox.state(user.id), "running");
  },
);
