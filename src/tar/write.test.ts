/** What this program writes is what GNU tar of this machine restores. The judge is the oracle. */
import assert from "node:assert/strict";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { after, before, test } from "node:test";
import { compareEntries } from "./compare.ts";
import { TarReader } from "./entries.ts";
import { writeTar } from "./write.ts";
import { attempt, run } from "../../test/oracle/host.ts";
import { describeTree, differences, makeOddTree, removeTree } from "../../test/oracle/tree.ts";

const skip = process.getuid?.() !== 0 && "an odd tree needs root";
const FAITHFUL = ["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner"];

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "dockform-tar-"));
  if (skip === false) await makeOddTree(join(folder, "tree"), { smallFiles: 50 });
});
after(() => removeTree(folder));

function reader(tar: string): TarReader {
  return new TarReader(createReadStream(tar), tar);
}

/** Reads an archive and writes it again; returns the copy's path. */
async function rewritten(tar: string): Promise<string> {
  const copy = tar.replace(/\.tar$/, "-again.tar");
  await pipeline(Readable.from(writeTar(reader(tar).entries())), createWriteStream(copy));
  return copy;
}

async function extracted(tar: string): Promise<string> {
  const into = `${tar}.extracted`;
  await mkdir(into);
  await run("tar", [...FAITHFUL, "-xpf", tar, "--same-owner", "-C", into]);
  return into;
}

for (const [name, options] of [
  ["pax", ["--format=posix", "--sparse", ...FAITHFUL]],
  ["pax-sparse-0.1", ["--format=posix", "--sparse-version=0.1", "--sparse", ...FAITHFUL]],
] as const) {
  test(
    `an archive of an odd tree that is written again restores the tree: ${name}`,
    { skip },
    async () => {
      const tree = join(folder, "tree");
      const tar = join(folder, `${name}.tar`);
      await attempt("tar", ["-C", tree, ...options, "-cf", tar, "."]);
      const again = await rewritten(tar);
      assert.deepEqual(await compareEntries(reader(tar).entries(), reader(again).entries()), []);
      const restored = await describeTree(await extracted(again), { sockets: false });
      assert.deepEqual(differences(await describeTree(tree, { sockets: false }), restored), []);
    },
  );
}

test("names and targets at the edge of what a header holds", async () => {
  const tree = join(folder, "edges");
  for (const length of [98, 99, 100, 101]) {
    await mkdir(join(tree, "d".repeat(length)), { recursive: true });
    await writeFile(join(tree, "f".repeat(length)), "x".repeat(length));
    await run("ln", ["-s", "t".repeat(length), join(tree, `l${length}`)]);
    await run("ln", [join(tree, "f".repeat(length)), join(tree, `h${"h".repeat(length)}`)]);
  }
  await run("touch", ["-d", "1969-12-31 23:59:58.25 UTC", join(tree, "f".repeat(98))]);
  await run("touch", ["-d", "1969-12-31 23:59:58 UTC", join(tree, "f".repeat(99))]);
  await run("truncate", ["-s", "9G", join(tree, "hole")]);
  const tar = join(folder, "edges.tar");
  await run("tar", ["-C", tree, "--format=posix", "--sparse", "--numeric-owner", "-cf", tar, "."]);
  const again = await rewritten(tar);
  assert.deepEqual(await compareEntries(reader(tar).entries(), reader(again).entries()), []);
  const into = await extracted(again);
  assert.deepEqual(differences(await describeTree(tree), await describeTree(into)), []);
});
