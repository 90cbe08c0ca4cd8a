import assert from "node:assert/strict";
import { chmod, mkdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { attempt, run } from "../../oracle/host.ts";
import { describeTree, differences, makeOddTree, removeTree } from "../../oracle/tree.ts";
import { readJson, sha256Of, writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import { UNSEEN_TMPDIR } from "../program.ts";

const { host, skipUnlessPrivate } = await testEngine();
const skip = skipUnlessPrivate;

const SOCKET = "./special/socket";

for (const [kind, options] of [
  ["pipe", {}],
  ["exec", UNSEEN_TMPDIR],
] as const) {
  test(
    `every kind of entry comes back in another volume, data going by ${kind}`,
    { skip },
    async () => {
      await using sandbox = await Sandbox.create(host);
      const from = await sandbox.volume("from");
      const into = await sandbox.volume("into");
      await makeOddTree(from.folder, { smallFiles: 300 });
      await writeFiles(into.folder, { "old/file": "old" });
      await sandbox.declare(from.name, into.name);
      const before = await describeTree(from.folder);

      const { archive, sidecar, stderr } = await sandbox.snapshot(from.name, ["-v"], options);
      assert.match(stderr, new RegExp(`data goes by ${kind}\\b`));
      assert.deepEqual(sidecar["warnings"], [`${SOCKET.slice(2)}: socket ignored`]);
      assert.ok(stderr.includes(`warning: ${from.name}: special/socket: socket ignored`), stderr);
      assert.deepEqual(differences(before, await describeTree(from.folder)), []);

      const args = ["--force", "-v"];
      const restored = await sandbox.restore(into.name, archive, args, options);
      assert.match(restored.stderr, new RegExp(`data goes by ${kind}\\b`));
      assert.equal(restored.stderr.includes("warning"), false, restored.stderr);
      assert.deepEqual(differences(before, await describeTree(into.folder)), [
        `${SOCKET}: missing (socket)`,
      ]);
      assert.deepEqual(await sandbox.leftBehind(), []);
    },
  );
}

for (const format of ["tar.zst", "tar"] as const) {
  test(`a .${format} is extracted whole by tar and zstd alone`, { skip }, async () => {
    await using sandbox = await Sandbox.create(host);
    const from = await sandbox.volume("from");
    await makeOddTree(from.folder, { smallFiles: 300 });
    const { archive, sidecarPath } = await sandbox.snapshot(from.name, ["--format", format]);

    const tar = sandbox.path("plain.tar");
    if (format === "tar.zst") await run("zstd", ["-q", "-d", archive, "-o", tar]);
    else await run("cp", [archive, tar]);
    const folder = sandbox.path("extracted");
    await mkdir(folder);
    try {
      await run("tar", [
        "--extract",
        "--file",
        tar,
        "--directory",
        folder,
        "--numeric-owner",
        "-p",
        "--acls",
        "--xattrs",
        "--xattrs-include=*",
        "--warning=no-timestamp",
      ]);
      const found = differences(await describeTree(from.folder), await describeTree(folder));
      assert.deepEqual(found, [`${SOCKET}: missing (socket)`]);
    } finally {
      await removeTree(folder);
    }

    const sidecar = await readJson(sidecarPath);
    assert.equal(sidecar["uncompressed_bytes"], (await readFile(tar)).length);
    const files = (await describeTree(from.folder)).filter(
      ({ type, path, link }) => type === "file" || (link ?? path) !== path,
    );
    assert.equal(sidecar["file_count"], files.length);
    const entries = await run("find", [from.folder, "!", "-type", "s", "-printf", "x"]);
    assert.equal(sidecar["entry_count"], entries.length);
    const field = format === "tar" ? "tar" : "tar_zst";
    assert.deepEqual(sidecar["checksum"], { algo: "sha256", [field]: await sha256Of(archive) });
  });
}

/** Writes in pieces of tar's own records, each of them late: a reader that stops early is gone before the last. */
const HESITANT_ZSTD = `#!/bin/bash
set -e
/usr/bin/zstd "$@" >"$0.out"
for ((at = 0; at < $(stat -c %s "$0.out"); at += 10240)); do
  sleep 0.1
  dd if="$0.out" bs=10240 skip="$((at / 10240))" count=1 status=none
done
`;

test(
  "the command in README.md extracts a snapshot, however late zstd is with its end",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const from = await sandbox.volume("from");
    await writeFiles(from.folder, { "folder/file": "content" });
    const { archive } = await sandbox.snapshot(from.name);
    await writeFiles(sandbox.folder, { "bin/zstd": HESITANT_ZSTD });
    await chmod(sandbox.path("bin/zstd"), 0o755);

    const readme = await readFile(new URL("../../../README.md", import.meta.url), "utf8");
    const [, command = ""] = /^# (zstd -dc \S+ \|\n.*)$/m.exec(readme) ?? [];
    const pipeline = command.replace(/\S+\.tar\.zst/, '"$0"').replace("/empty/folder", '"$1"');
    const env = { PATH: `${sandbox.path("bin")}:${process.env["PATH"]}` };
    const extract = async (typed: string, folder: string): Promise<number> => {
      await mkdir(folder);
      const args = ["-o", "pipefail", "-c", typed, archive, folder];
      return (await attempt("bash", args, { env })).code;
    };
    const folder = sandbox.path("extracted");
    assert.equal(await extract(pipeline, folder), 0);
    assert.deepEqual(differences(await describeTree(from.folder), await describeTree(folder)), []);
    // With tar's own records: zstd was late enough.
    const hasty = pipeline.replace(" -b 120", "");
    assert.notEqual(await extract(hasty, sandbox.path("hastily")), 0);
  },
);
