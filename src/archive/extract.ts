import type { TarEntry } from "../tar/entries.ts";
import type { ByteText } from "../tar/header.ts";
import { entryPath } from "../tar/path.ts";
import type { Archive } from "./archive.ts";
import { ArchivePass } from "./pass.ts";
import { ConfinedFolder } from "./confined-folder.ts";
import { selectEntries, type SelectedEntries } from "./selected-entries.ts";
import type { Tools } from "../tools.ts";

export interface ExtractReport {
  readonly entries: number;
  readonly fileBytes: number;
  /** What of the entries' metadata could not be given to them, a line each. */
  readonly notRestored: readonly string[];
}

/**
 * Brings back some of an archive's paths, with all below them, into a folder of this machine. Nothing is
 * written outside of it whatever the archive says, and nothing that is there is written over.
 *
 * @throws DockformError `usage` for a path that is not in the archive; `refused` when something of that
 * name is there, or when a path leads out; `integrity` for an archive that is damaged: all before anything
 * is written. `failed` when the disk is full or broken.
 */
export async function extractPaths(
  archive: Archive,
  paths: readonly ByteText[],
  folder: string,
  tools: Tools,
): Promise<ExtractReport> {
  const selection = await selectEntries(archive, paths, tools);
  const target = new ConfinedFolder(folder);
  await target.refuseTaken(selection.entries.keys());
  await target.create();
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
  for (const { path, entry } of inOrder(later)) await makeLater(target, path, entry, selection);
  await target.finish();
  return { entries: selection.entries.size, fileBytes, notRestored: target.notRestored() };
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
