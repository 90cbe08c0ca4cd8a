import assert from "node:assert/strict";
import { link } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { run } from "../../oracle/host.ts";
import { makeOddTree } from "../../oracle/tree.ts";
import { assertError, writeFiles } from "../archives.ts";
import { assertUntouched } from "../evidence.ts";
import { beforeFlush } from "../flawed-helper.ts";
import { Sandbox } from "../harness.ts";
import { UNSEEN_TMPDIR } from "../program.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

const VERIFIED = /Verified: what was extracted matches the archive/;

for (const [kind, options] of [
  ["pipe", {}],
  ["exec", UNSEEN_TMPDIR],
] as const) {
  test(`every kind of entry is found to be as in the archive, by ${kind}`, { skip }, async () => {
    await using sandbox = await Sandbox.create(host);
    const from = await sandbox.volume("from");
    await makeOddTree(from.folder);
    const into = await sandbox.volume("into");
    const { archive } = await sandbox.snapshot(from.name);
    const flags = ["--undeclared", "--verify"];
    const { stderr } = await sandbox.restore(into.name, archive, flags, options);
    assert.match(stderr, VERIFIED);
  });
}

test(
  "an archive of files alone, without the folders they are in, is verified",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const into = await sandbox.volume("into");
    await writeFiles(sandbox.path("source"), { "folder/file": "new" });
    const archive = sandbox.path("files.tar");
    await run("tar", ["-cf", archive, "-C", sandbox.path("source"), "folder/file"]);
    const flags = ["--undeclared", "--verify", "--strip-components", "0"];
    const { stderr } = await sandbox.restore(into.name, archive, flags);
    assert.match(stderr, VERIFIED);
  },
);

/** What can go wrong between tar and the disk, done by the helper itself in the name of the disk. */
const MISHAPS = [
  [
    "content that changed on its way",
    'touch -r "$contents/file" "$scratch/time" && echo x >>"$contents/file" && touch -r "$scratch/time" "$contents/file"',
    /file changed \(size.*content/,
  ],
  [
    "a mode that changed",
    'tar -c --mode=600 -C "$contents" -f - file | tar -xp -C "$contents"',
    /file changed \(mode/,
  ],
  ["an entry that is missing", 'rm "$contents/file"', /file removed/],
  [
    "an attribute that is missing",
    'setfattr -x user.note "$contents/noted"',
    /noted changed \(.*user\.note/,
  ],
  [
    "a hard link that became a copy",
    'rm "$contents/other" && cat "$contents/file" >"$contents/other"',
    /other/,
  ],
] as const;

/** What a file system could not hold must not hide what it could. */
const LENIENT_MISHAPS = MISHAPS.slice(0, 4).map(([what, command, said]) => {
  return [`${what}, without attributes,`, command, said, "--without", "attributes"] as const;
});

for (const [what, command, said, ...without] of [...MISHAPS, ...LENIENT_MISHAPS]) {
  test(`${what} fails the restore and keeps the old data`, { skip }, async () => {
    await using sandbox = await Sandbox.create(host);
    const into = await sandbox.volume("into");
    await writeFiles(into.folder, { old: "old" });
    await sandbox.declare(into.name);
    const from = await sandbox.volume("from");
    await writeFiles(from.folder, { file: "new", noted: "new" });
    await link(join(from.folder, "file"), join(from.folder, "other"));
    await run("setfattr", ["-n", "user.note", "-v", "here", join(from.folder, "noted")]);
    const { archive } = await sandbox.snapshot(from.name);
    const before = await sandbox.evidence(into.folder);
    const main = await sandbox.flawed(beforeFlush(command));
    const flags = ["--from-volume", from.name, "--force", "--verify", "--json", ...without];
    const args = ["volume", "restore", into.name, archive, ...flags];
    assertError(await sandbox.dockform(args, { main }), {
      exitCode: 1,
      message: said,
      hint: /The old contents are in place/,
    });
    assertUntouched(before, await sandbox.evidence(into.folder));
    assert.deepEqual(await sandbox.leftBehind(), []);
  });
}
