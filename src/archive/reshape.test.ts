/** Which folder of an archive `--strip-components` takes, and what is said where there is no one folder. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { archiveAt } from "../store/folder/folder-store.ts";
import { Archive } from "./archive.ts";
import { Digest } from "./digest.ts";
import { ReshapedArchive } from "./reshape.ts";
import { attempt, run } from "../../test/oracle/host.ts";

const { signal } = new AbortController();

/** An archive of these files, in this order; without any, of the root folder. */
async function pack(t: TestContext, files: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "dockform-reshape-"));
  t.after(() => rm(folder, { recursive: true }));
  const source = join(folder, "source");
  await mkdir(source);
  for (const file of files) {
    await mkdir(dirname(join(source, file)), { recursive: true });
    await writeFile(join(source, file), file);
  }
  const path = join(folder, "x.tar");
  const named = files.length === 0 ? ["--no-recursion", "."] : files;
  await run("tar", ["-cf", path, "-C", source, ...named]);
  return path;
}

async function stripped(path: string, components: number): Promise<Buffer> {
  await using archive = await Archive.open(archiveAt(path));
  const reshaped = new ReshapedArchive(archive, { kind: "strip", components }, signal);
  return await buffer(reshaped.tar(new Digest(), signal));
}

test("what is in the one folder so deep is taken", async (t) => {
  const tar = await stripped(await pack(t, ["a/b/one", "a/b/c/two"]), 2);
  const { stdout } = await attempt("tar", ["-t"], { input: tar });
  assert.deepEqual(stdout.toString().split("\n"), ["./one", "./c/two", ""]);
});

for (const [files, components, said] of [
  [["a", "b"], 1, "a is not in a folder"],
  [["a/x", "b"], 1, "b is not in a folder"],
  [["a/x", "b/x"], 1, "b is beside a"],
  [["a/b/x", "a/c/d/x"], 2, "a/c is beside a/b"],
  [["a/x"], 2, "a/x is not 2 folders deep"],
] as const) {
  test(`the top folders of ${files.join(", ")}, ${components} of them, are not left out`, async (t) => {
    const path = await pack(t, files);
    const top = components === 1 ? "top folder" : `top ${components} folders`;
    await assert.rejects(stripped(path, components), {
      code: "archive.not-one-folder",
      message: `the ${top} of ${path} cannot be left out: ${said}`,
    });
  });
}

for (const [components, said] of [
  [1, "a folder"],
  [2, "folders 2 deep"],
] as const) {
  test(`${said} cannot be left out of nothing`, async (t) => {
    const path = await pack(t, []);
    await assert.rejects(stripped(path, components), {
      code: "archive.path-not-found",
      message: `${path} does not hold ${said}`,
    });
  });
}
