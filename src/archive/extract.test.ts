import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { archiveInMemory } from "../../test/fakes/archive.ts";
import { tarOf } from "../../test/fakes/archived.ts";
import { fakeTools } from "../../test/fakes/surroundings.ts";
import { Archive } from "./archive.ts";
import { extractPaths, type ExtractReport } from "./extract.ts";

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "dockform-extract-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

async function extract(
  files: Readonly<Record<string, string>>,
  into: string,
  ...paths: readonly string[]
): Promise<ExtractReport> {
  await using archive = await Archive.open(archiveInMemory(await tarOf(files)));
  return await extractPaths(archive, paths, into, fakeTools());
}

const FILES = { a: "one", b: "two", b2: "three" };

test("a path is extracted, and nothing beside it", async (t) => {
  const into = join(await folder(t), "new");
  const { entries, fileBytes } = await extract(FILES, into, "b");
  assert.deepEqual([entries, fileBytes], [1, 3]);
  assert.deepEqual(await readdir(into), ["b"]);
  assert.equal(await readFile(join(into, "b"), "utf8"), "two");
});

test("all of it is extracted by the root's path", async (t) => {
  const into = join(await folder(t), "new");
  const { entries } = await extract(FILES, into, ".");
  assert.equal(entries, 4);
  assert.deepEqual((await readdir(into)).toSorted(), ["a", "b", "b2"]);
});

test("nothing is written where a path is missing, leads out, or its name is taken", async (t) => {
  const into = await folder(t);
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
  const into = await folder(t);
  const tar = await tarOf({ a: "one", b: "x".repeat(5000) });
  await using archive = await Archive.open(archiveInMemory(tar.subarray(0, 3072)));
  await assert.rejects(extractPaths(archive, ["a"], into, fakeTools()), { kind: "integrity" });
  assert.deepEqual(await readdir(into), []);
});
