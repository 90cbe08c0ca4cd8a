import { DockformError } from "../errors.ts";
import type { ByteText } from "../tar/header.ts";
import { displayText, entryPath, isWithin } from "../tar/path.ts";
import type { Archive } from "./archive.ts";
import { ArchivePass } from "./pass.ts";
import type { Tools } from "../tools.ts";

/** What of an archive is to be extracted, found in a first pass that reads all of it. */
export interface SelectedEntries {
  /** By path the place of its entry: of several of one path the last one. */
  readonly entries: ReadonlyMap<ByteText, number>;
  /** By the place of an entry with data: which hard links are to get that, for it is not extracted itself. */
  readonly sources: ReadonlyMap<number, readonly ByteText[]>;
  /** Of the folders above what is extracted, the root's included, as far as the archive has them. */
  readonly parentModes: ReadonlyMap<ByteText, number>;
}

/**
 * Finds what is to be extracted, and in passing that the archive is whole.
 *
 * @throws DockformError `usage` for a path that the archive does not have, `refused` for one that leads
 * out of the folder it is to be extracted into, `integrity` for an archive that is damaged.
 */
export async function selectEntries(
  archive: Archive,
  paths: readonly ByteText[],
  tools: Tools,
): Promise<SelectedEntries> {
  const entries = new Map<ByteText, number>();
  const links = new Map<ByteText, ByteText>();
  const parentModes = new Map<ByteText, number>();
  const missing = new Set(paths);
  using pass = new ArchivePass(archive, "Reading", tools);
  for await (const entry of pass.reader.entries()) {
    const path = entryPath(entry.path);
    if (entry.type === "folder" && paths.some((wanted) => isWithin(wanted, path))) {
      parentModes.set(path, entry.mode);
    }
    const within = paths.filter((wanted) => isWithin(path, wanted));
    if (within.length === 0) continue;
    for (const wanted of within) missing.delete(wanted);
    requireConfined(path);
    entries.set(path, entry.positionBytes);
    links.delete(path);
    if (entry.type === "hardlink") links.set(path, entryPath(entry.linkTarget));
  }
  const [first] = missing;
  if (first !== undefined) throw notThere(first, archive);
  return { entries, sources: await findSources(archive, entries, links, tools), parentModes };
}

/** Whoever gets one name of a file wants its content, even when the name that has it is not wanted. */
async function findSources(
  archive: Archive,
  entries: ReadonlyMap<ByteText, number>,
  links: ReadonlyMap<ByteText, ByteText>,
  tools: Tools,
): Promise<ReadonlyMap<number, readonly ByteText[]>> {
  const outside = [...links].filter(([, target]) => !entries.has(target));
  if (outside.length === 0) return new Map();
  const byTarget = Map.groupBy(outside, ([, target]) => target);
  const places = new Map<ByteText, number>();
  using pass = new ArchivePass(archive, "Reading", tools);
  for await (const entry of pass.reader.entries()) {
    const path = entryPath(entry.path);
    if (byTarget.has(path)) places.set(path, entry.positionBytes);
  }
  const sources = new Map<number, readonly ByteText[]>();
  for (const [target, names] of byTarget) {
    const place = places.get(target);
    const paths = names.map(([path]) => path);
    if (place === undefined) throw danglingLink(paths[0] ?? "", target, archive);
    sources.set(place, paths);
  }
  return sources;
}

/** tar drops `..` or refuses it; here it is somebody's attempt to get out. */
function requireConfined(path: ByteText): void {
  if (!path.split("/").includes("..")) return;
  throw new DockformError(
    "archive.path-escapes",
    `${displayText(path)} leads out of the folder it belongs in`,
    {
      hint: "Nothing was extracted. Do not trust this archive. Its other paths can be extracted on their own.",
    },
  );
}

function notThere(path: ByteText, archive: Archive): DockformError {
  return new DockformError(
    "archive.path-not-found",
    `there is no ${displayText(path)} in ${archive.path}`,
    {
      advice: [{ code: "list-files" }],
    },
  );
}

function danglingLink(path: ByteText, target: ByteText, archive: Archive): DockformError {
  return new DockformError(
    "archive.dangling-link",
    `${displayText(path)} in ${archive.path} is a hard link to ${displayText(target)}, which is not in it`,
    { hint: "Nothing was extracted. Use another snapshot." },
  );
}
