import type { ArchiveExtension } from "../../src/snapshot/name.ts";
import { formatSidecar, type Sidecar } from "../../src/snapshot/sidecar.ts";
import type { ArchiveInStore } from "../../src/store/store.ts";
import { sampleSidecar } from "../contract/sidecar.ts";
import { sha256 } from "../fixtures/tar-streams.ts";
import { MemoryStore } from "./memory-store.ts";

export interface ArchiveInMemory extends ArchiveInStore {
  readonly store: MemoryStore;
}

/** An archive by itself, or with a sidecar that says what it is, but for some fields. */
export function archiveInMemory(
  data: Buffer,
  {
    extension = "tar",
    sidecar,
  }: { readonly extension?: ArchiveExtension; readonly sidecar?: Partial<Sidecar> } = {},
): ArchiveInMemory {
  const store = new MemoryStore();
  const path = "/memory/data/2026-11-23T12-00-00Z__spec-00000000";
  const archivePath = `${path}.${extension}`;
  const checksum = {
    algo: "sha256",
    [extension === "tar" ? "tar" : "tar_zst"]: sha256(data),
  } as const;
  const fields = { checksum, stored_bytes: data.length, ...sidecar };
  store.kept.set(archivePath, {
    place: { context: undefined, volume: "data" },
    snapshot: {
      time: new Date("2026-11-23T12:00:00Z"),
      specHash: "00000000",
      archivePath,
      sidecarPath: `${path}.json`,
    },
    data,
    sidecarText: sidecar === undefined ? undefined : formatSidecar(sampleSidecar(fields)),
  });
  return { store, archivePath };
}
