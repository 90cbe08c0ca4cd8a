import assert from "node:assert/strict";
import { test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { archiveInMemory, type ArchiveInMemory } from "../../test/fakes/archive.ts";
import { tarOf } from "../../test/fakes/archived.ts";
import { fakeTools } from "../../test/fakes/surroundings.ts";
import { readTar, sha256 } from "../../test/fixtures/tar-streams.ts";
import { Archive } from "./archive.ts";
import { Digest } from "./digest.ts";
import { selectPaths } from "./selected-paths.ts";

const FILES = { a: "one", "folder/b": "x".repeat(3000), c: "three", "folder2/d": "four" };
const TAR = await tarOf(FILES);
const tools = fakeTools();

interface Selected {
  readonly entries: readonly string[];
  readonly paths: readonly string[];
  readonly counted: number;
  readonly tarBytes: number;
  readonly length: number;
}

async function select(snapshot: ArchiveInMemory, ...wanted: readonly string[]): Promise<Selected> {
  await using archive = await Archive.open(snapshot);
  const sidecar = await archive.sidecar();
  const { source, contents, paths } = await selectPaths(archive, sidecar, wanted, tools);
  const digest = new Digest();
  const chunks = await Array.fromAsync(source.chunks(digest), (chunk) => Buffer.from(chunk));
  const part = Buffer.concat(chunks);
  assert.equal(contents.sha256, digest.sha256());
  const read = await readTar(part);
  return {
    entries: read.map(({ path, content }) => `${path} ${content.length}`),
    paths,
    counted: contents.entries,
    tarBytes: contents.tarBytes,
    length: part.length,
  };
}

test("a part of an archive is an archive of its own, whose size was told before", async () => {
  for (const snapshot of [
    archiveInMemory(TAR),
    archiveInMemory(zstdCompressSync(TAR), { extension: "tar.zst" }),
    archiveInMemory(TAR, { sidecar: {} }),
  ]) {
    const { entries, counted, tarBytes, length } = await select(snapshot, "folder", "c");
    assert.deepEqual(entries, ["./ 0", "./folder/b 3000", "./c 5"]);
    assert.deepEqual([counted, tarBytes], [3, length]);
  }
});

test("a file that is larger than the pieces that are read is a part, too", async () => {
  const tar = await tarOf({ a: "one", large: "x".repeat(200_000), c: "three" });
  const { entries } = await select(archiveInMemory(tar), "large");
  assert.deepEqual(entries, ["./ 0", "./large 200000"]);
});

test("the last entry is a part like any other, and a folder is not one whose name begins alike", async () => {
  assert.deepEqual((await select(archiveInMemory(TAR), "folder2")).entries, [
    "./ 0",
    "./folder2/d 4",
  ]);
});

test("what lies in another wanted path is not wanted twice", async () => {
  const { paths, counted } = await select(archiveInMemory(TAR), "folder/b", "folder", "folder");
  assert.deepEqual([paths, counted], [["folder"], 2]);
});

test("what is not in the archive, or not inside a volume, is refused by name", async () => {
  const missing = select(archiveInMemory(TAR), "a", "x", "y/z");
  await assert.rejects(missing, {
    code: "archive.path-not-found",
    message: /does not hold x, y\/z/,
  });
  for (const path of [".", "../a", "folder/../../a"]) {
    await assert.rejects(select(archiveInMemory(TAR), path), { code: "archive.path-invalid" });
  }
});

test("a part of what is not what was stored is refused", async () => {
  const checksum = { algo: "sha256", tar: "0".repeat(64) } as const;
  await assert.rejects(select(archiveInMemory(TAR, { sidecar: { checksum } }), "a"), {
    code: "archive.checksum-mismatch",
    data: { expected: checksum.tar, actual: sha256(TAR) },
  });
});

test("a hard link takes with it the file that it is another name of", async () => {
  const tar = await tarOf({ a: "one", c: "three" }, { b: ["hardlink", "./a"] });
  const { entries, counted } = await select(archiveInMemory(tar), "b");
  assert.deepEqual([entries, counted], [["./ 0", "./a 3", "./b 0"], 3]);
});
