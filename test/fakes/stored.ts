import type { Sidecar } from "../../src/snapshot/sidecar.ts";
import type { StoredSnapshot, StoredVolume } from "../../src/store/store.ts";
import { sampleSidecar } from "../contract/sidecar.ts";
import type { MemoryStore } from "./memory-store.ts";

/** Puts a snapshot of four bytes into a store, taken at a time like `2026-11-23T12:00:00Z`. */
export function putSnapshot(
  store: MemoryStore,
  place: StoredVolume,
  time: string,
  fields: Partial<Sidecar> = {},
): StoredSnapshot {
  const { context = "", volume } = place;
  const path = `/memory/${context}/${volume}/${time}`;
  const snapshot = {
    time: new Date(time),
    specHash: "00000000",
    archivePath: `${path}.tar.zst`,
    sidecarPath: `${path}.json`,
  };
  const sidecar = sampleSidecar({ volume_name: volume, created_at: time, ...fields });
  store.kept.set(snapshot.archivePath, {
    place,
    snapshot,
    data: Buffer.from("data"),
    sidecarText: JSON.stringify(sidecar),
  });
  return snapshot;
}
