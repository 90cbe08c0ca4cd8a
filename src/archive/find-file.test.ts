import assert from "node:assert/strict";
import { test } from "node:test";
import { archiveInMemory } from "../../test/fakes/archive.ts";
import { tarOf } from "../../test/fakes/archived.ts";
import { fakeTools } from "../../test/fakes/surroundings.ts";
import { Archive } from "./archive.ts";
import { fileContent } from "./find-file.ts";

async function content(tar: Buffer, path: string): Promise<string | undefined> {
  await using archive = await Archive.open(archiveInMemory(tar));
  const found = await fileContent(archive, path, fakeTools());
  if (found === undefined) return undefined;
  return Buffer.concat(await Array.fromAsync(found, (bytes) => Buffer.from(bytes))).toString();
}

test("a file's content is found by its path, empty or not", async () => {
  const tar = await tarOf({ a: "one", "folder/b": "x".repeat(300_000), empty: "" });
  assert.equal(await content(tar, "a"), "one");
  assert.equal((await content(tar, "folder/b"))?.length, 300_000);
  assert.equal(await content(tar, "empty"), "");
  assert.equal(await content(tar, "b"), undefined);
});

test("what is no file is said to be what it is", async () => {
  await assert.rejects(content(await tarOf({ a: "one" }), "."), {
    message: /is a folder, not a file/,
  });
});

test("nothing of a damaged archive passes for a file", async () => {
  const tar = await tarOf({ a: "one", b: "x".repeat(5000) });
  await assert.rejects(content(tar.subarray(0, 3072), "a"), { code: "archive.damaged" });
});

test("another name of a file has its content, and a symbolic link has none", async () => {
  const links = { b: ["hardlink", "./a"], s: ["symlink", "a"], t: ["hardlink", "./s"] } as const;
  const tar = await tarOf({ a: "one" }, links);
  assert.equal(await content(tar, "b"), "one");
  await assert.rejects(content(tar, "s"), { message: /is a symbolic link to a, not a file/ });
  await assert.rejects(content(tar, "t"), { message: /is a symbolic link to a, not a file/ });
});
