import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { snapshotBaseName } from "../../src/snapshot/name.ts";
import { FolderStore } from "../../src/store/folder/folder-store.ts";
import { testStoreContract } from "./store.ts";

testStoreContract("a folder", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "dockform-store-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  const store = new FolderStore(root);
  return {
    store,
    again: () => new FolderStore(root),
    writeSidecar: ({ sidecarPath }, text) => writeFile(sidecarPath, text),
    async spoilCommit(place, { time }) {
      // A folder cannot be replaced by a file.
      const baseName = snapshotBaseName({ time, specHash: "00000000" });
      const folder = join(store.placeOnThisMachine(place), `${baseName}.json`);
      await mkdir(join(folder, "in the way"), { recursive: true });
    },
  };
});
