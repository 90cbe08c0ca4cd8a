import assert from "node:assert/strict";
import { appendFile, mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { needProgram, run } from "../../oracle/host.ts";
import { packFolder, writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import { UNSEEN_TMPDIR } from "../program.ts";
import { RESTORE, filled, holds, refusedByAll, TEXTS } from "../foreign.ts";

const { host, skip } = await testEngine();

/** From a plain tar, by the machine's own tools. */
const COMPRESSED = {
  "tar.gz": 'gzip -c "$0"',
  tgz: '{ head -c 3000 "$0" | gzip -c; tail -c +3001 "$0" | gzip -9c; head -c 700 /dev/zero; }',
  "tar.xz": 'xz -c "$0"',
  "tar.bz2": 'bzip2 -c "$0"',
  tzst: 'zstd -qc "$0"',
  // Several frames, the second with a window that zstd reads only when it is told to.
  "tar.zst": '{ head -c 3000 "$0" | zstd -qc; tail -c +3001 "$0" | zstd -qc --long=31; }',
} as const;

async function compress(sandbox: Sandbox, command: string, name: string): Promise<string> {
  await needProgram("/usr/bin/xz", "xz-utils");
  await needProgram("/bin/bzip2", "bzip2");
  const source = sandbox.path("source");
  await writeFiles(source, TEXTS);
  const tar = sandbox.path("plain.tar");
  await packFolder(source, tar);
  const archive = sandbox.path(name);
  await run("sh", ["-c", `${command} >"$1"`, tar, archive]);
  return archive;
}

for (const [extension, command] of Object.entries(COMPRESSED)) {
  test(`a .${extension} is read by every command, and restored`, { skip }, async () => {
    await using sandbox = await Sandbox.create(host);
    const archive = await compress(sandbox, command, `backup.${extension}`);
    for (const options of [{}, UNSEEN_TMPDIR]) {
      const volume = await filled(sandbox, "under" in options ? "exec" : "pipe");
      await sandbox.restore(volume.name, archive, [...RESTORE, "--verify"], options);
      await holds(volume, TEXTS);
    }
    const part = await filled(sandbox, "part");
    await sandbox.restore(part.name, archive, [...RESTORE, "--path", "sub/b"]);
    await holds(part, { old: "old", "sub/b": TEXTS["sub/b"] });
    const cat = await sandbox.dockform(["snapshot", "cat", archive, "sub/b"]);
    assert.equal(cat.stdout, TEXTS["sub/b"]);
    const verified = await sandbox.dockform(["snapshot", "verify", archive]);
    assert.equal(verified.code, 0, verified.stderr);
    const listed = await sandbox.dockform(["snapshot", "files", archive]);
    assert.match(listed.stdout, /sub\/b$/m);
  });
}

for (const extension of ["tar.gz", "tar.xz", "tar.bz2"] as const) {
  test(`a damaged .${extension} is refused by every command`, { skip }, async () => {
    await using sandbox = await Sandbox.create(host);
    const command = COMPRESSED[extension];
    const cut = await compress(sandbox, `${command} | head -c -9`, `cut.${extension}`);
    const long = await compress(sandbox, command, `long.${extension}`);
    await appendFile(long, "something else");
    for (const archive of [cut, long]) {
      const refusal = { exitCode: 4, message: /is damaged: /, hint: /another snapshot/i };
      await refusedByAll(sandbox, archive, refusal);
    }
  });
}

test("what is not what its name says is refused by every command", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  for (const [command, name] of [
    ['gzip -c "$0"', "gzip.tar.zst"],
    ['zstd -qc "$0"', "zstd.tar.gz"],
  ] as const) {
    const archive = await compress(sandbox, command, name);
    await refusedByAll(sandbox, archive, {
      exitCode: 4,
      message: /its content is (gzip, and not zstd|zstd, and not gzip) as its name says/,
      hint: /name it \*\.tar\.(gz|zst)\./,
    });
  }
  // zstd itself would unpack that, too.
  const command = '{ head -c 3000 "$0" | zstd -qc; tail -c +3001 "$0" | gzip -c; }';
  const archive = await compress(sandbox, command, "both.tar.zst");
  const refusal = { exitCode: 4, message: /this is not a zstd frame/, hint: /another snapshot/i };
  await refusedByAll(sandbox, archive, refusal);
});

test("a missing dictionary is told by its number", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const train =
    'for i in $(seq 300); do echo "sample $i of $((i * i)) text" >"$1.$i"; done; zstd -q --train "$1".* --dictID=1234567 -o "$1.dict" && zstd -qc -D "$1.dict" "$0"';
  const archive = await compress(sandbox, train, "with a dictionary.tar.zst");
  await refusedByAll(sandbox, archive, {
    exitCode: 3,
    message: /was compressed with the zstd dictionary 1234567, and cannot be read without it/,
    hint: /zstd -dc -D DICTIONARY '\S+with a dictionary\.tar\.zst' \|/,
  });
});

test("without xz on this machine, the command that converts is told", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const archive = await compress(sandbox, COMPRESSED["tar.xz"], "my backup.tar.xz");
  const bin = sandbox.path("bin");
  await mkdir(bin);
  await symlink("/bin/sh", join(bin, "sh"));
  const result = await sandbox.dockform(["snapshot", "verify", archive], { env: { PATH: bin } });
  assert.equal(result.code, 3, result.stderr);
  assert.match(result.stderr, /this machine has no xz to unpack .*my backup\.tar\.xz/);
  assert.match(result.stderr, /xz -dc '\S+my backup\.tar\.xz' \| zstd -o/);
});
