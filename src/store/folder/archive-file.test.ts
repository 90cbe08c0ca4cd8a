import assert from "node:assert/strict";
import { readdir, readlink } from "node:fs/promises";
import { test } from "node:test";
import { ArchiveFile } from "./archive-file.ts";

/** A file to all that look at it, with nothing at its beginning that could be read. */
const UNREADABLE = "/proc/self/mem";
const skip = process.platform !== "linux" && "there is no /proc";

async function openOnes(): Promise<readonly string[]> {
  const descriptors = await readdir("/proc/self/fd");
  const paths = await Promise.all(
    descriptors.map((number) => readlink(`/proc/self/fd/${number}`).catch(() => "")),
  );
  return paths.filter((path) => path.endsWith("/mem"));
}

test("a file that cannot be read, and what is none, are not left open", { skip }, async () => {
  await assert.rejects(ArchiveFile.open(UNREADABLE, undefined), { code: "archive.unreadable" });
  assert.deepEqual(await openOnes(), []);
  await assert.rejects(ArchiveFile.open("/proc/self", undefined), { code: "archive.not-a-file" });
});
