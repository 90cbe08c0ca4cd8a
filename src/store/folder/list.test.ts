import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { listRoot } from "./list.ts";

test("a sidecar whose data is gone says by which path that was known", async () => {
  await using root = await mkdtempDisposable(join(tmpdir(), "dockform-list-"));
  const folder = join(root.path, "data");
  await mkdir(folder);
  const baseName = join(folder, "2026-11-23T12-00-00Z__spec-00000000");
  await writeFile(`${baseName}.json`, "{}");
  const [listed] = await listRoot(root.path);
  const [leftover] = listed?.leftovers ?? [];
  const archivePath = `${baseName}.tar.zst`;
  assert.deepEqual(leftover, { path: `${baseName}.json`, kind: "no data", archivePath });
});
