import { DockformError } from "../../src/errors.ts";
import { MemoryStore } from "../fakes/memory-store.ts";
import { testStoreContract } from "./store.ts";

testStoreContract("memory", async () => {
  const store = new MemoryStore();
  return {
    store,
    again: () => store,
    async writeSidecar({ archivePath }, text) {
      const kept = store.kept.get(archivePath);
      if (kept !== undefined) kept.sidecarText = text;
    },
    async spoilCommit() {
      store.commitFailure = new DockformError("store.full", "the store is full");
    },
  };
});
