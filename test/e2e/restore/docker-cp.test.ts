import assert from "node:assert/strict";
import { chmod, chown, link, mkdir, stat, symlink, utimes } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { run } from "../../oracle/host.ts";
import { describeTree, differences } from "../../oracle/tree.ts";
import { writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";

const { host, skip } = await testEngine();

async function fill(folder: string): Promise<void> {
  await mkdir(join(folder, "empty"));
  await writeFiles(folder, { a: "text", "sub/b": "more text", [`sub/${"long".repeat(50)}`]: "" });
  await link(join(folder, "a"), join(folder, "hard"));
  await symlink("../a", join(folder, "link"));
  for (const [name, mode] of [
    ["a", 0o640],
    [".", 0o2750],
  ] as const) {
    await chown(join(folder, name), 77, 78);
    await chmod(join(folder, name), mode);
    await utimes(join(folder, name), 1_500_000_000, 1_500_000_000);
  }
}

test("what `docker cp` writes, by Go's archive/tar, comes back whole", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  const into = await sandbox.volume("into");
  await fill(from.folder);
  const { id } = await sandbox.container("user", await sandbox.waiting(from.name));
  for (const path of ["/data/.", "/data"]) {
    const stream = await sandbox.engine.stream("GET", `/containers/${id}/archive`, {
      query: { path },
    });
    const archive = sandbox.path("copied.tar");
    await pipeline(stream, createWriteStream(archive));
    // Of `docker cp NAME:/data -` all lies in a folder of that name.
    const strip = path === "/data" ? ["--strip-components", "1"] : [];
    await sandbox.restore(into.name, archive, ["--undeclared", "--force", "--verify", ...strip]);
    const expected = sandbox.path(`expected${strip.length}`);
    await mkdir(expected);
    const options = ["--numeric-owner", "--same-owner", "--delay-directory-restore"];
    await run("tar", ["-C", expected, ...options, "-xpf", archive]);
    // As whole seconds is how it writes times.
    assert.deepEqual(
      differences(
        await describeTree(join(expected, strip.length === 0 ? "" : "data")),
        await describeTree(into.folder),
      ),
      [],
      path,
    );
    assert.equal((await stat(into.folder)).mode & 0o7777, 0o2750);
  }
});
