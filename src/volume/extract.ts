import type { TarEntry } from "../tar/entries.ts";
import type { ByteText } from "../tar/header.ts";
import { entryPath } from "../tar/path.ts";
import type { Archive } from "./archive.ts";
import { ArchivePass } from "./contents.ts";
import { ConfinedFolder } from "./confined-folder.ts";
import { selectEntries, type Selection } from "./extract-selection.ts";
import type { Tools } from "./tools.ts";

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
  const later: TarEntry[] = [];
  let fileBytes = 0;
  using pass = new ArchivePass(archive, "Extracting", tools);
  for await (const entry of pass.reader.entries()) {
    const names = filesToWrite(entry, selection);
    const [name, ...others] = names;
    if (name !== undefined) {
      await target.writeFile(name, entry);
      fileBytes += entry.sizeBytes;
      for (const other of others) await target.link(other, name);
    } else if (isWanted(entry, selection)) {
      if (entry.type === "folder") await target.makeFolder(entryPath(entry.path), entry);
      // A link could lead what follows elsewhere, so links come when all else is there.
      else later.push(entry);
    }
  }
  const [symlinks, others] = [true, false].map((isLink) =>
    later.filter(({ type }) => (type === "symlink") === isLink),
  );
  for (const entry of [...(others ?? []), ...(symlinks ?? [])]) {
    await makeLater(target, entry, selection);
  }
  await target.finish();
  return { entries: selection.entries.size, fileBytes, notRestored: target.notRestored() };
}

function isWanted(entry: TarEntry, { entries }: Selection): boolean {
  return entries.get(entryPath(entry.path)) === entry.positionBytes;
}

/** The paths that get an entry's data: its own, or those of links to it that come without it. */
function filesToWrite(entry: TarEntry, selection: Selection): readonly ByteText[] {
  if (entry.type !== "file") return [];
  if (isWanted(entry, selection)) return [entryPath(entry.path)];
  return selection.sources.get(entry.positionBytes) ?? [];
}

async function makeLater(
  target: ConfinedFolder,
  entry: TarEntry,
  { entries }: Selection,
): Promise<void> {
  const path = entryPath(entry.path);
  if (entry.type === "symlink") return target.makeSymlink(path, entry);
  if (entry.type !== "hardlink") return target.makeNode(path, entry);
  const first = entryPath(entry.linkTarget);
  // Others got their content when that went by.
  if (entries.has(first)) await target.link(path, first);
}
