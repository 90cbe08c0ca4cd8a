import type { TarEntry } from "../tar/entries.ts";
import type { ByteText } from "../tar/header.ts";
import { entryPath, ROOT_PATH } from "../tar/path.ts";
import type { Archive } from "./archive.ts";
import { ArchivePass } from "./pass.ts";
import { ConfinedFolder, folderMode } from "./confined-folder.ts";
import { Destination } from "./destination.ts";
import { Privileges } from "./privileges.ts";
import { selectEntries, type SelectedEntries } from "./selected-entries.ts";
import type { Tools } from "../tools.ts";

export interface ExtractRequest {
  /** In the archive. */
  readonly paths: readonly ByteText[];
  /** Where to; absolute. */
  readonly folder: string;
  /** Whether setuid and setgid programs, file capabilities and devices come back. */
  readonly withPrivileges: boolean;
  /** The number of the user that this process runs as, where users have numbers. */
  readonly userId: number | undefined;
}

export interface ExtractReport {
  readonly entries: number;
  readonly fileBytes: number;
  /** Entries that came back without setuid, setgid or capabilities, and devices that did not come back. */
  readonly privilegedLeftOut: number;
  /** What of the entries' metadata could not be given to them, a line each. */
  readonly notRestored: readonly string[];
}

/**
 * Brings back some of an archive's paths, with all below them, into a folder of this machine. Nothing is
 * written outside of it, whatever the archive says and whoever renames what meanwhile, and nothing that is
 * there is written over. All of it comes to its place in the end; a failure leaves nothing behind.
 *
 * @throws DockformError `usage` for a path that is not in the archive; `refused` when something of that
 * name is there, or when a path leads out; `integrity` for an archive that is damaged: all before anything
 * is written. `failed` when the disk is full or broken.
 */
export async function extractPaths(
  archive: Archive,
  { paths, folder, withPrivileges, userId }: ExtractRequest,
  tools: Tools,
): Promise<ExtractReport> {
  const selection = await selectEntries(archive, paths, tools);
  const { entries, parentModes } = selection;
  const mode = folderMode(parentModes.get(ROOT_PATH));
  await using destination = await Destination.open(folder, mode, userId);
  await destination.refuseTaken(entries.keys());
  const privileges = new Privileges(withPrivileges);
  const target = new ConfinedFolder(await destination.build(), parentModes, privileges);
  const { fileBytes, skipped } = await buildAll(archive, selection, target, privileges, tools);
  await target.finish();
  tools.signal.throwIfAborted();
  await destination.take();
  return {
    entries: entries.size - skipped,
    fileBytes,
    privilegedLeftOut: privileges.leftOutCount,
    notRestored: target.notRestored(),
  };
}

async function buildAll(
  archive: Archive,
  selection: SelectedEntries,
  target: ConfinedFolder,
  privileges: Privileges,
  tools: Tools,
): Promise<{ readonly fileBytes: number; readonly skipped: number }> {
  const later: Later[] = [];
  let fileBytes = 0;
  using pass = new ArchivePass(archive, "Extracting", tools);
  for await (const entry of pass.reader.entries()) {
    const names = namesFor(entry, selection);
    const [name, ...others] = names;
    if (name === undefined) continue;
    if (entry.type === "folder") await target.makeFolder(name, entry);
    // A link could lead what follows elsewhere, so links come when all else is there.
    else if (entry.type !== "file") later.push(...names.map((path) => ({ path, entry })));
    else {
      await target.writeFile(name, entry);
      fileBytes += entry.sizeBytes;
      for (const other of others) await target.link(other, name);
    }
  }
  const allowed = withoutSkipped(inOrder(later), privileges);
  for (const { path, entry } of allowed) {
    tools.signal.throwIfAborted();
    await makeLater(target, path, entry, selection);
  }
  return { fileBytes, skipped: later.length - allowed.length };
}

/** A device that is left out has no other names either. */
function withoutSkipped(later: readonly Later[], privileges: Privileges): readonly Later[] {
  const skipped = new Set<ByteText>();
  return later.filter(({ path, entry }) => {
    const isAllowed = privileges.allows(path, entry) && !skipped.has(entryPath(entry.linkTarget));
    if (!isAllowed) skipped.add(path);
    return isAllowed;
  });
}

/** What is made when all files are there, and under which name. */
interface Later {
  readonly path: ByteText;
  readonly entry: TarEntry;
}

/** Nodes, other names of files, symbolic links, and then other names of those. */
function inOrder(later: readonly Later[]): readonly Later[] {
  const symlinks = new Set(
    later.filter(({ entry }) => entry.type === "symlink").map(({ path }) => path),
  );
  const rank = ({ entry: { type, linkTarget } }: Later): number => {
    if (type === "symlink") return 2;
    if (type !== "hardlink") return 0;
    return symlinks.has(entryPath(linkTarget)) ? 3 : 1;
  };
  return later.toSorted((a, b) => rank(a) - rank(b));
}

/** The paths that an entry is extracted to: its own, or those of links to it that come without it. */
function namesFor(entry: TarEntry, { entries, sources }: SelectedEntries): readonly ByteText[] {
  const path = entryPath(entry.path);
  if (entries.get(path) === entry.positionBytes) return [path];
  return sources.get(entry.positionBytes) ?? [];
}

async function makeLater(
  target: ConfinedFolder,
  path: ByteText,
  entry: TarEntry,
  { entries }: SelectedEntries,
): Promise<void> {
  if (entry.type === "symlink") return target.makeSymlink(path, entry);
  if (entry.type !== "hardlink") return target.makeNode(path, entry);
  const first = entryPath(entry.linkTarget);
  // Others got their content when that went by.
  if (entries.has(first)) await target.link(path, first);
}
