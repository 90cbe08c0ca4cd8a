/** `dockform snapshot ...` without any engine: nothing listens where DOCKER_HOST points. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { DockformError, messageOf } from "../../../src/errors.ts";
import { archiveAt } from "../../../src/store/folder/folder-store.ts";
import { Archive } from "../../../src/archive/archive.ts";
import { extractPaths } from "../../../src/archive/extract.ts";
import type { Tools } from "../../../src/tools.ts";
import { hostileArchives } from "../../fixtures/hostile.ts";
import { ESCAPED } from "../../fixtures/hostile-tar.ts";
import { ORIGINAL_SNAPSHOTS } from "../../fixtures/original.ts";
import { run } from "../../oracle/host.ts";
import { describeTree, differences, makeOddTree, type TreeEntry } from "../../oracle/tree.ts";
import { assertError, writeFiles } from "../archives.ts";
import { store } from "../snapshot-store.ts";
import { done, place, source } from "../snapshot-place.ts";

const skip = process.getuid?.() !== 0 && "owners, attributes and devices need root";

for (const snapshot of ORIGINAL_SNAPSHOTS) {
  test(
    `a snapshot of the original is extracted as it was: ${snapshot.volume}`,
    { skip },
    async () => {
      await using at = await place();
      const out = at.sandbox.path("out");
      const result = await at.run(
        "extract",
        snapshot.archive,
        ".",
        "-o",
        out,
        "--privileged-entries",
        "--json",
      );
      const report: { not_restored: string[] } = JSON.parse(done(result));
      assert.deepEqual(report.not_restored, []);
      assert.deepEqual(comparable(await snapshot.tree(), await describeTree(out)), []);
    },
  );
}

test(
  "an odd tree is extracted as it is: names, values, holes, links, devices",
  { skip },
  async () => {
    await using at = await place();
    const tree = at.sandbox.path("tree");
    await makeOddTree(tree, { smallFiles: 20 });
    const archive = await store(tree, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
    const out = at.sandbox.path("out");
    done(await at.run("extract", archive, ".", "-o", out, "--privileged-entries"));
    assert.deepEqual(
      comparable(await describeTree(tree, { sockets: false }), await describeTree(out)),
      [],
    );
  },
);

test("where a disk is full, nothing is left there", { skip }, async () => {
  await using at = await place();
  const from = await source(at.sandbox, { small: "text", large: randomBytes(1_000_000) });
  const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  const command = `
    mkdir out && mount -t tmpfs -o size=256k tmpfs out && { "$0" "$@"; code=$?; ls -A out >left; exit $code; }`;
  const under = ["unshare", "--mount", "sh", "-c", command];
  const args = ["snapshot", "extract", archive, "small", "large", "-o", "out", "--json"];
  assertError(await at.sandbox.dockform(args, { under }), {
    exitCode: 1,
    message: /^cannot write large: ENOSPC/,
    hint: /^Nothing was extracted\./,
  });
  assert.equal(await readFile(at.sandbox.path("left"), "utf8"), "");
});

const MICROSECOND_NS = 1000n;

/** The folder itself is the person's own; times come back to the microsecond. */
function comparable(before: readonly TreeEntry[], after: readonly TreeEntry[]): readonly string[] {
  const times = new Map(after.map(({ path, mtime }) => [path, mtime]));
  const isNear = (a: bigint, b: bigint): boolean => (a > b ? a - b : b - a) < MICROSECOND_NS;
  const expected = before.map((entry) => {
    const mtime = times.get(entry.path) ?? entry.mtime;
    return isNear(BigInt(entry.mtime), BigInt(mtime)) ? { ...entry, mtime } : entry;
  });
  const isInside = ({ path }: TreeEntry): boolean => path !== ".";
  return differences(expected.filter(isInside), after.filter(isInside));
}

test(
  "single paths come out with what is below them, hard links with their content",
  { skip },
  async () => {
    await using at = await place();
    const from = await source(at.sandbox, { "a/first": "shared", "b/own": "own", c: "other" });
    await run("ln", [join(from, "a/first"), join(from, "b/second")]);
    const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
    const out = at.sandbox.path("out");
    done(await at.run("extract", archive, "b", "-o", out));
    assert.deepEqual((await readdir(out, { recursive: true })).toSorted(), [
      "b",
      "b/own",
      "b/second",
    ]);
    assert.equal(await readFile(join(out, "b/second"), "utf8"), "shared");
    const missing = await at.run(
      "extract",
      archive,
      "c",
      "d",
      "-o",
      at.sandbox.path("none"),
      "--json",
    );
    assertError(missing, { exitCode: 2, message: /^there is no d in /, hint: /snapshot files/ });
    await assert.rejects(stat(at.sandbox.path("none")));
  },
);

test("nothing is written over, and nothing is written when something would be", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { "a/file": "new", b: "new" });
  const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  const out = at.sandbox.path("out");
  await mkdir(out);
  await writeFiles(out, { b: "mine" });
  const refused = await at.run("extract", archive, ".", "-o", out, "--json");
  assertError(refused, {
    exitCode: 3,
    message: /^b would be overwritten/,
    hint: /Nothing was extracted/,
  });
  assert.deepEqual(await readdir(out), ["b"]);
  // A folder that is there is entered, but no link that is in its place.
  await rm(join(out, "b"));
  await run("ln", ["-s", "/tmp", join(out, "a")]);
  const through = await at.run("extract", archive, "a/file", "-o", out, "--json");
  assertError(through, { exitCode: 3, message: /^a\/file would be overwritten/, hint: /./ });
});

test(
  "whatever a hostile archive says, nothing is written outside the folder",
  { skip },
  async () => {
    await using at = await place();
    for (const [i, { name, data, extension, contents }] of hostileArchives().entries()) {
      const archive = at.sandbox.path(`hostile-${i}${extension}`);
      await writeFile(archive, data);
      const parent = at.sandbox.path(`cell-${i}`, "inner");
      const out = join(parent, "out");
      await mkdir(out, { recursive: true });
      const passwd = await stat("/etc/passwd");
      const failure = await extract(archive, out);
      if (failure !== undefined)
        assert.ok(failure instanceof DockformError, `${name}: ${messageOf(failure)}`);
      assert.deepEqual(await readdir(dirname(parent)), ["inner"], name);
      assert.deepEqual(await readdir(parent), ["out"], name);
      await assert.rejects(stat(`/${ESCAPED}`), name);
      assert.equal((await stat("/etc/passwd")).nlink, passwd.nlink, name);
      if (failure !== undefined) continue;
      for (const [file, content] of Object.entries(contents ?? {})) {
        assert.equal(await readFile(join(out, file), "utf8"), content, name);
      }
    }
  },
);

/** In this process: there are many of them. Returns what it failed with. */
async function extract(path: string, folder: string): Promise<unknown> {
  try {
    await using archive = await Archive.open(archiveAt(path));
    await extractPaths(archive, { paths: ["."], folder, withPrivileges: true, userId: 0 }, TOOLS);
    return undefined;
  } catch (error) {
    return error;
  }
}

const TOOLS: Tools = {
  log: { debug: () => {}, info: () => {}, warn: () => {} },
  emit: () => {},
  startProgress: () => ({ advance: () => {}, report: () => {}, end: () => {} }),
  startWait: () => () => {},
  now: () => new Date(),
  signal: new AbortController().signal,
  version: "test",
  temporaryFolder: "/nonexistent",
  client: "test",
  runsHere: () => false,
};
