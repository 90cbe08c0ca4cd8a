import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { FolderStore } from "./folder/folder-store.ts";
import { newestSnapshot } from "./newest.ts";

test("the newest complete snapshot is found among others, unfinished and foreign files", async (t: TestContext) => {
  const root = await mkdtemp(join(tmpdir(), "dockform-store-"));
  t.after(() => rm(root, { recursive: true }));
  const names = [
    "2026-01-01T00-00-00Z__spec-00000000.tar.zst",
    "2026-01-01T00-00-00Z__spec-00000000.json",
    "2026-02-01T00-00-00Z__spec-00000000.tar",
    "2026-02-01T00-00-00Z__spec-00000000.json",
    "2026-03-01T00-00-00Z__spec-00000000.tar.zst",
    "2026-04-01T00-00-00Z__spec-00000000.json",
    "notes.tar",
    "notes.json",
  ];
  const store = new FolderStore(join(root, ".."));
  const here = { context: undefined, volume: basenameOf(root) };
  const missing = { context: "missing", volume: "data" };
  for (const name of names) await writeFile(join(root, name), "");
  const newest = await newestSnapshot(store, [missing, here], "data");
  assert.equal(newest?.time.toISOString(), "2026-02-01T00:00:00.000Z");
  assert.equal(await newestSnapshot(store, [missing], "data"), undefined);
});

function basenameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
