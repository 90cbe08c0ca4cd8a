import type { Archive } from "./archive.ts";

/** What an extraction needs of an archive, or of a part of one. */
export type ArchiveSource = Pick<
  Archive,
  "path" | "storedBytes" | "compression" | "chunks" | "tar" | "damaged"
>;

/** One whose stored bytes a sidecar has a checksum of. */
export type StoredSource = ArchiveSource & Pick<Archive, "format">;
