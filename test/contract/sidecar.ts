import { FORMAT_VERSION, type Sidecar } from "../../src/snapshot/sidecar.ts";

/** A valid sidecar of a snapshot of four bytes. */
export function sampleSidecar(fields: Partial<Sidecar> = {}): Sidecar {
  return {
    dockform_version: "0.0.0",
    created_at: "2026-11-23T12:00:00Z",
    volume_name: "data",
    spec_hash: "00000000",
    driver: "local",
    driver_opts: {},
    labels: {},
    uncompressed_bytes: 10_240,
    file_count: 1,
    checksum: { algo: "sha256", tar_zst: "0".repeat(64) },
    format_version: FORMAT_VERSION,
    stored_bytes: 4,
    entry_count: 2,
    ...fields,
  };
}
