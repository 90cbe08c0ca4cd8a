import { basename } from "node:path";
import type { ArchiveContents } from "../archive/archive.ts";
import type { ArchiveSource } from "../archive/source.ts";
import { Digest } from "../archive/digest.ts";
import { formatBytes } from "../format.ts";
import type { TarOutcome } from "../helper/messages.ts";
import type { VolumeVerbs } from "../helper/verbs.ts";
import { DATA_AFTER_END } from "../tar/damage.ts";
import type { Tools } from "../tools.ts";

/**
 * Reads an archive to its end with the helper's own zstd and tar, without writing anything.
 *
 * @param limitBytes an archive that holds more is not read further.
 * @throws DockformError `integrity` when it is damaged, cut short or no archive at all.
 */
export async function scanArchive(
  archive: ArchiveSource,
  verbs: VolumeVerbs,
  limitBytes: number,
  { startProgress, signal }: Pick<Tools, "startProgress" | "signal">,
): Promise<ArchiveContents> {
  const progress = startProgress(`Reading ${basename(archive.path)}`, archive.storedBytes);
  const digest = new Digest(progress);
  try {
    const { isOverLimit, outcome } = await verbs.scan(
      archive.chunks(digest),
      { compression: archive.compression, tarBytes: limitBytes },
      { signal, onProgress: progress.report },
    );
    if (isOverLimit) throw archive.damaged(moreThanCounted(limitBytes));
    const failure = (outcome.goesOn ? undefined : outcome.failure) ?? shortcoming(outcome);
    if (failure !== undefined) throw archive.damaged(failure);
    const { tarBytes, entries } = outcome;
    return { tarBytes, entries, sha256: digest.sha256() };
  } finally {
    progress.end();
  }
}

export function moreThanCounted(limitBytes: number): string {
  return `it holds more than the ${formatBytes(limitBytes)} that were counted before`;
}

/** What tar does not mind in an archive, and we do. What goes on tar may mind as well, in words of its own. */
export function shortcoming({ markedEnd, goesOn }: TarOutcome): string | undefined {
  if (goesOn) return DATA_AFTER_END;
  return markedEnd ? undefined : "it was cut short";
}
