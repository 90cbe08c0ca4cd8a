import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sampleSidecar } from "../../test/contract/sidecar.ts";
import { MemoryStore } from "../../test/fakes/memory-store.ts";
import { putSnapshot } from "../../test/fakes/stored.ts";
import { formatSidecar, SAFETY_NOTE } from "../snapshot/sidecar.ts";
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
  const sidecar = formatSidecar(sampleSidecar());
  for (const name of names) {
    await writeFile(join(root, name), name.endsWith(".json") ? sidecar : "data");
  }
  const newest = await newestSnapshot(store, [missing, here], "data");
  assert.equal(newest?.time.toISOString(), "2026-02-01T00:00:00.000Z");
  assert.equal(await newestSnapshot(store, [missing], "data"), undefined);
});

test("damaged ones, another volume's and those of a restore in place are passed over", async () => {
  const store = new MemoryStore();
  const here = { context: undefined, volume: "data" };
  const good = putSnapshot(store, here, "2026-11-20T12:00:00Z");
  const found = putSnapshot(store, here, "2026-11-21T12:00:00Z", {
    damaged_at: "2026-11-22T00:00:00Z",
  });
  putSnapshot(store, here, "2026-11-22T12:00:00Z", { purpose: "safety" });
  putSnapshot(store, here, "2026-11-23T12:00:00Z", { notes: SAFETY_NOTE });
  putSnapshot(store, here, "2026-11-24T12:00:00Z", { volume_name: "other", stored_bytes: 9 });
  const short = putSnapshot(store, here, "2026-11-25T12:00:00Z", { stored_bytes: 9 });
  const told: string[] = [];
  const newest = await newestSnapshot(store, [here], "data", ({ archivePath }) =>
    told.push(archivePath),
  );
  assert.equal(newest?.archivePath, good.archivePath);
  assert.deepEqual(told, [short.archivePath, found.archivePath]);
});

function basenameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
