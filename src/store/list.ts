import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../errors.ts";
import { ARCHIVE_FORMATS, parseSnapshotBaseName, type SnapshotName } from "../snapshot/name.ts";

/** A complete snapshot in a folder: data and sidecar. */
export interface StoredSnapshot extends SnapshotName {
  readonly archivePath: string;
}

/** The newest complete snapshot in any of the folders, by its name alone; no file is opened. */
export async function newestSnapshot(
  folders: readonly string[],
): Promise<StoredSnapshot | undefined> {
  const snapshots = await Promise.all(folders.map(completeSnapshots));
  return snapshots.flat().toSorted((a, b) => b.time.getTime() - a.time.getTime())[0];
}

async function completeSnapshots(folder: string): Promise<readonly StoredSnapshot[]> {
  const names = new Set(await fileNames(folder));
  return [...names].flatMap((name) => {
    const format = ARCHIVE_FORMATS.find((candidate) => name.endsWith(`.${candidate}`));
    if (format === undefined) return [];
    const baseName = name.slice(0, -(format.length + 1));
    const parsed = parseSnapshotBaseName(baseName);
    const complete = parsed !== undefined && names.has(`${baseName}.json`);
    return complete ? [{ ...parsed, archivePath: join(folder, name) }] : [];
  });
}

async function fileNames(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  }
}
