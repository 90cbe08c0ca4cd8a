/** Archives that other programs made: restored as those meant them, or refused with the reason. */
import assert from "node:assert/strict";
import {
  chmod,
  chown,
  link,
  mkdir,
  readFile,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { PACKERS } from "../../fixtures/packers.ts";
import { run } from "../../oracle/host.ts";
import { describeTree, differences } from "../../oracle/tree.ts";
import { assertError, packFiles, writeFiles, writeSidecar } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import { RESTORE, filled, holds, refusedByAll, TEXTS } from "../foreign.ts";

const { host, skip } = await testEngine();

const OWNER = [77, 78] as const;

/** A folder with what all of those programs can hold. */
async function makeSource(folder: string): Promise<void> {
  await mkdir(join(folder, "empty"), { recursive: true });
  await writeFiles(folder, { ...TEXTS, "sub/deep/c": "" });
  await link(join(folder, "a"), join(folder, "hard"));
  await symlink("../a", join(folder, "link"));
  for (const name of ["a", "."]) {
    await chown(join(folder, name), ...OWNER);
    await chmod(join(folder, name), name === "a" ? 0o640 : 0o2750);
    await utimes(join(folder, name), 1_500_000_000, 1_500_000_000);
  }
}

for (const { name, pack } of PACKERS) {
  test(`an archive by ${name} comes back with its root folder`, { skip }, async () => {
    await using sandbox = await Sandbox.create(host);
    const source = sandbox.path("source");
    await makeSource(source);
    const archive = sandbox.path("foreign.tar");
    await pack(source, archive);
    const expected = sandbox.path("expected");
    await mkdir(expected);
    const options = ["--numeric-owner", "--same-owner", "--delay-directory-restore"];
    await run("tar", ["-C", expected, ...options, "-xpf", archive]);
    assert.equal((await stat(expected)).uid, OWNER[0]);
    const volume = await filled(sandbox);

    const { stderr } = await sandbox.restore(volume.name, archive, [...RESTORE, "--verify"]);

    const tree = await describeTree(volume.folder);
    assert.deepEqual(differences(await describeTree(expected), tree), []);
    assert.match(stderr, /what was extracted matches the archive$/m);
    const deep = await sandbox.dockform(["snapshot", "verify", archive, "--deep"]);
    assert.equal(deep.code, 0, deep.stderr);
    // Of programs with other ideas of a symbolic link's mode.
    const ours = await sandbox.snapshot(volume.name, ["-o", sandbox.path("ours")]);
    const diff = await sandbox.dockform(["snapshot", "diff", archive, ours.archive, "--json"]);
    assert.equal(diff.code, 0, diff.stderr);
    assert.doesNotMatch(diff.stdout, /"mode"/);
  });
}

test("of an archive without its root folder, a verified restore says so", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const source = sandbox.path("source");
  await writeFiles(source, TEXTS);
  const archive = sandbox.path("rootless.tar");
  await run("tar", ["--format=v7", "-cf", archive, "a", "sub"], { cwd: source });
  const volume = await filled(sandbox);
  await chown(volume.folder, ...OWNER);
  const { stderr } = await sandbox.restore(volume.name, archive, [...RESTORE, "--verify"]);
  assert.match(stderr, /it has nothing about the root folder, which stays as it is/);
  assert.equal((await stat(volume.folder)).uid, OWNER[0]);
  await holds(volume, TEXTS);
});

test("a helper that does not see the root's entry fails a verified restore", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const source = sandbox.path("source");
  await makeSource(source);
  const archive = sandbox.path("dot.tar");
  await run("tar", ["-cf", archive, "--no-recursion", ".", "a"], { cwd: source });
  const main = await sandbox.flawed(`count_extracted() {
    awk "$find_end"'{ entries++ } END { printf "%d 0 %d %d %.0f\\n", entries, marked_end(), after_end, blocks }'
  }`);
  const volume = await filled(sandbox);
  const args = ["volume", "restore", volume.name, archive, ...RESTORE, "--verify"];
  assertError(await sandbox.dockform(args, { main }), {
    exitCode: 1,
    message: /what was extracted differs from .*: the root folder's metadata$/,
    hint: /old contents are in place/,
  });
  await holds(volume, { old: "old" });
});

test("the original's snapshot of files in use is restored, however large", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const archive = await packFiles(sandbox.folder, { ...TEXTS, large: Buffer.alloc(70 << 20) });
  await writeSidecar(archive, { uncompressed_bytes: 0, file_count: 0 });
  const verified = await sandbox.dockform(["snapshot", "verify", archive]);
  assert.equal(verified.code, 0, verified.stderr);
  const shown = await sandbox.dockform(["snapshot", "show", archive]);
  assert.match(shown.stdout, /^files +unknown/m);
  const volume = await filled(sandbox);
  const { stdout } = await sandbox.restore(volume.name, archive, [
    ...RESTORE,
    "--from-volume",
    "somewhere",
  ]);
  assert.match(stdout, /"uncompressed_bytes": 734\d{5}/);
  assert.equal((await stat(join(volume.folder, "large"))).size, 70 << 20);

  const bytes = await readFile(archive);
  bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1);
  await writeFile(archive, bytes);
  const args = [
    "volume",
    "restore",
    volume.name,
    archive,
    ...RESTORE,
    "--from-volume",
    "somewhere",
  ];
  assertError(await sandbox.dockform(args), {
    exitCode: 4,
    message: /checksum mismatch/,
    hint: /not what was stored/,
  });
});

test(
  "full dumps of tar --listed-incremental are restored, later ones refused",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const source = sandbox.path("source");
    await writeFiles(source, TEXTS);
    const volume = await filled(sandbox);
    for (const format of ["gnu", "posix"]) {
      const list = sandbox.path(`list.${format}`);
      const dump = async (level: number): Promise<string> => {
        const archive = sandbox.path(`level${level}.${format}.tar`);
        await run("tar", [`--format=${format}`, "-g", list, "-C", source, "-cf", archive, "."]);
        return archive;
      };
      const full = await dump(0);
      await sandbox.restore(volume.name, full, [...RESTORE, "--verify"]);
      await holds(volume, TEXTS);
      const later = await dump(1);
      const message =
        /is an incremental dump .* that leaves out files that it names, first a: .*excluded when it was made$/m;
      for (const command of [
        ["snapshot", "verify", later],
        ["volume", "restore", volume.name, later, ...RESTORE],
        ["volume", "restore", volume.name, later, ...RESTORE, "--path", "sub"],
      ]) {
        const result = await sandbox.dockform(command);
        assert.equal(result.code, 3, result.stderr);
        assert.match(result.stderr, message);
        assert.match(result.stderr, /extract the full dump into an empty folder/);
      }
      await holds(volume, TEXTS);
    }
  },
);

test(
  "volumes of a tape are labels to pass over, or refused with the reason",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const source = sandbox.path("source");
    await writeFiles(source, { ...TEXTS, large: Buffer.alloc(30_000, "x").toString() });
    for (const format of ["gnu", "posix"]) {
      const labelled = sandbox.path(`labelled.${format}.tar`);
      await run("tar", [
        `--format=${format}`,
        "-V",
        "label",
        "-C",
        source,
        "-cf",
        labelled,
        "a",
        "sub",
      ]);
      const volume = await filled(sandbox, format);
      await sandbox.restore(volume.name, labelled, [...RESTORE, "--verify"]);
      await holds(volume, TEXTS);
      const files = [1, 2, 3, 4, 5, 6].map((i) => sandbox.path(`${format}-${i}.tar`));
      const parts = files.flatMap((file) => ["-f", file]);
      await run("tar", [
        `--format=${format}`,
        "-c",
        "-M",
        "-L",
        "10",
        ...parts,
        "-C",
        source,
        "large",
      ]);
      await refusedByAll(sandbox, files[1] ?? "", {
        exitCode: 3,
        message: /begins with the rest of a file of another archive \(tar --multi-volume\)/,
        hint: /Put the volumes together/,
      });
    }
  },
);

test("an archive without files is refused as empty, unless that is meant", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const volume = await filled(sandbox);
  const source = sandbox.path("source");
  await mkdir(source);
  await chown(source, ...OWNER);
  const nothing = sandbox.path("nothing.tar");
  await run("tar", ["-cf", nothing, "-T", "/dev/null"]);
  const rootAlone = sandbox.path("root.tar.gz");
  await run("tar", ["-C", source, "-czf", rootAlone, "."]);
  for (const archive of [nothing, rootAlone]) {
    const args = ["volume", "restore", volume.name, archive, ...RESTORE];
    assertError(await sandbox.dockform(args), {
      exitCode: 3,
      message: `${archive} is whole, but holds no files`,
      hint: /or add --force-empty to leave the volume empty/,
    });
    await holds(volume, { old: "old" });
    await sandbox.restore(volume.name, archive, [...RESTORE, "--force-empty", "--verify"]);
    await holds(volume, {});
    await writeFiles(volume.folder, { old: "old" });
  }
  assert.equal((await stat(volume.folder)).uid, OWNER[0]);
  const verified = await sandbox.dockform(["snapshot", "verify", nothing]);
  assert.equal(verified.code, 3, verified.stderr);
  const cut = sandbox.path("cut.tar");
  await writeFile(cut, "");
  assert.equal((await sandbox.dockform(["snapshot", "verify", cut])).code, 4);
});

test("our own snapshot of an empty volume needs no more than --force", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const volume = await sandbox.volume("own");
  const { archive } = await sandbox.snapshot(volume.name, ["-o", sandbox.path("own")]);
  await writeFiles(volume.folder, { old: "old" });
  await sandbox.restore(volume.name, archive, RESTORE);
  await holds(volume, {});
});
