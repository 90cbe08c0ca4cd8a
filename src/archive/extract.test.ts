import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { archiveInMemory } from "../../test/fakes/archive.ts";
import { tarOf } from "../../test/fakes/archived.ts";
import { fakeTools } from "../../test/fakes/surroundings.ts";
import { Archive } from "./archive.ts";
import { extractPaths, type ExtractReport, type ExtractRequest } from "./extract.ts";

async function folderFor(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "dockform-extract-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

async function extract(
  files: Readonly<Record<string, string>>,
  into: string,
  ...paths: readonly string[]
): Promise<ExtractReport> {
  return await extractFrom(await tarOf(files), into, ...paths);
}

async function extractFrom(
  tar: Buffer,
  into: string,
  ...paths: readonly string[]
): Promise<ExtractReport> {
  await using archive = await Archive.open(archiveInMemory(tar));
  return await extractPaths(archive, request(into, paths), fakeTools());
}

function request(folder: string, paths: readonly string[]): ExtractRequest {
  return { paths, folder, withPrivileges: false, userId: process.geteuid?.() };
}

const FILES = { a: "one", b: "two", b2: "three" };

test("a path is extracted, and nothing beside it", async (t) => {
  const into = join(await folderFor(t), "new");
  const { entries, fileBytes } = await extract(FILES, into, "b");
  assert.deepEqual([entries, fileBytes], [1, 3]);
  assert.deepEqual(await readdir(into), ["b"]);
  assert.equal(await readFile(join(into, "b"), "utf8"), "two");
});

test("all of it is extracted by the root's path", async (t) => {
  const into = join(await folderFor(t), "new");
  const { entries } = await extract(FILES, into, ".");
  assert.equal(entries, 4);
  assert.deepEqual((await readdir(into)).toSorted(), ["a", "b", "b2"]);
});

test("nothing is written where a path is missing, leads out, or its name is taken", async (t) => {
  const into = await folderFor(t);
  await assert.rejects(extract(FILES, into, "a", "x"), { code: "archive.path-not-found" });
  const escaping = { a: "one", "../../x": "two" };
  await assert.rejects(extract(escaping, into, "../.."), { code: "archive.path-escapes" });
  assert.deepEqual(await readdir(into), []);
  await writeFile(join(into, "b"), "mine");
  await assert.rejects(extract(FILES, into, "a", "b"), { kind: "refused" });
  assert.deepEqual(await readdir(into), ["b"]);
  assert.equal(await readFile(join(into, "b"), "utf8"), "mine");
});

test("nothing is written of an archive that is damaged", async (t) => {
  const into = await folderFor(t);
  const tar = await tarOf({ a: "one", b: "x".repeat(5000) });
  await using archive = await Archive.open(archiveInMemory(tar.subarray(0, 3072)));
  await assert.rejects(extractPaths(archive, request(into, ["a"]), fakeTools()), {
    kind: "integrity",
  });
  assert.deepEqual(await readdir(into), []);
});

test("names of one file are one file again; one that comes alone has the content", async (t) => {
  const links = { b: ["hardlink", "./a"], c: ["hardlink", "./a"], s: ["symlink", "a"] } as const;
  const tar = await tarOf({ a: "one" }, links);
  const all = join(await folderFor(t), "all");
  await extractFrom(tar, all, ".");
  const inodes = await Promise.all(
    ["a", "b", "c"].map(async (name) => (await stat(join(all, name))).ino),
  );
  assert.equal(new Set(inodes).size, 1);
  assert.equal(await readlink(join(all, "s")), "a");
  const alone = join(await folderFor(t), "alone");
  await extractFrom(tar, alone, "b", "c");
  assert.deepEqual((await readdir(alone)).toSorted(), ["b", "c"]);
  assert.equal(await readFile(join(alone, "c"), "utf8"), "one");
});

test("a hard link to what is not there is refused before anything is written", async (t) => {
  const into = await folderFor(t);
  const tar = await tarOf({}, { b: ["hardlink", "./a"] });
  await assert.rejects(extractFrom(tar, into, "b"), { code: "archive.dangling-link" });
  assert.deepEqual(await readdir(into), []);
});
