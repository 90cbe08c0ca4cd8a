import type { ArchiveContents } from "../archive/archive.ts";
import type { ArchiveSource } from "../archive/source.ts";
import type { DockformError } from "../errors.ts";
import { moreThanCounted } from "./scan.ts";

/** What an extraction has to find in what it extracts. */
export interface ExpectedContents extends Pick<ArchiveContents, "holds"> {
  /** Length of the longest tar stream that is extracted. */
  readonly limitBytes: number;
  /** The error for a longer one. */
  readonly overLimit: () => DockformError;
  /** As far as it is known before. */
  readonly entries: number | undefined;
  /**
   * What was counted at the other end, to be asked once all of it was sent; without a digest where the bytes are known
   * by nothing else than having been sent.
   *
   * @throws DockformError when it could not be read to its end.
   */
  readonly counted: () => Promise<Omit<ArchiveContents, "sha256"> & { readonly sha256?: string }>;
}

/** Of an archive that was read to its end before. */
export function expectCounted(archive: ArchiveSource, contents: ArchiveContents): ExpectedContents {
  return {
    limitBytes: contents.tarBytes,
    overLimit: () => archive.damaged(moreThanCounted(contents.tarBytes)),
    entries: contents.entries,
    holds: contents.holds,
    counted: async () => contents,
  };
}
