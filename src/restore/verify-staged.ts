import { DockformError } from "../errors.ts";
import type { LostGroup } from "../helper/message-groups.ts";
import { isReservedPath } from "../snapshot/reserved.ts";
import { compareEntries } from "../tar/compare.ts";
import type { TarEntry } from "../tar/entries.ts";
import { entryPath, ROOT_PATH } from "../tar/path.ts";
import { ArchivePass } from "../archive/pass.ts";
import { differencesText } from "../archive/differences.ts";
import { entriesThrough } from "../capture/entries.ts";
import type { LockedVolume } from "../lock/lock.ts";
import type { ArchiveSource } from "../archive/source.ts";
import type { Tools } from "../tools.ts";
import { isDueToLeftOut, type DoesWithout } from "./without.ts";

/** What may differ from the archive, and what must not. */
interface Expectations extends DoesWithout {
  readonly leftOut: readonly LostGroup[];
  /** Whether the root folder is to have the archive's metadata. */
  readonly tookRoot: boolean;
}

/**
 * Reads what was extracted, and compares it with the archive entry by entry: content, owner, mode, time,
 * links, attributes, ACLs. What was left out makes no difference.
 *
 * @throws DockformError `failed` when anything is not as in the archive.
 */
export async function verifyStaged(
  lock: LockedVolume,
  archive: ArchiveSource,
  { leftOut, tookRoot, ...doesWithout }: Expectations,
  tools: Tools,
): Promise<void> {
  tools.emit({ type: "phase", phase: "verify", volumes: [lock.volume.name] });
  using pass = new ArchivePass(archive, "Reading", tools);
  const staged = entriesThrough(
    lock.verbs,
    {
      volume: lock.volume.name,
      title: "Verifying what was extracted",
      stagingId: lock.stagingId,
      cannotRead: (failure) => notAsInArchive(archive, failure),
      onRemark: (remark) => tools.log.warn(remark),
    },
    tools,
  );
  const root = new RootWatch();
  const archived = root.watch(pass.reader.entries());
  const differences = await compareEntries(archived, staged, isReservedPath);
  // An archive need not have entries of the folders that its files are in.
  const wrong = differences.filter(
    (difference) =>
      !(difference.kind === "added" && difference.type === "folder") &&
      !isDueToLeftOut(difference, leftOut, doesWithout),
  );
  if (wrong.length > 0) throw notAsInArchive(archive, differencesText(wrong));
  if (root.seen && !tookRoot) throw notAsInArchive(archive, "the root folder's metadata");
  const but = leftOut.length > 0 ? ", but for what was left out" : "";
  const limit = root.seen ? "" : "; it has nothing about the root folder, which stays as it is";
  tools.log.info(`Verified: what was extracted matches the archive${but}${limit}`);
}

/** Whether an archive has the root folder's own metadata, by whatever name. */
class RootWatch {
  seen = false;

  async *watch(entries: AsyncIterable<TarEntry>): AsyncGenerator<TarEntry> {
    for await (const entry of entries) {
      if (entryPath(entry.path) === ROOT_PATH) this.seen = true;
      yield entry;
    }
  }
}

function notAsInArchive(archive: ArchiveSource, what: string): DockformError {
  return new DockformError(
    "restore.verify-failed",
    `what was extracted differs from ${archive.path}: ${what}`,
    {
      hint: "The old contents are in place. Check the file system under the volume.",
    },
  );
}
