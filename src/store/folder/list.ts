import { readdir } from "node:fs/promises";
import { join, sep } from "node:path";
import { DockformError, messageOf, systemCode } from "../../errors.ts";
import { ARCHIVE_FORMATS, parseSnapshotBaseName } from "../../snapshot/name.ts";
import {
  newestFirst,
  volumeTitle,
  type Leftover,
  type StoredSnapshot,
  type VolumeSnapshots,
} from "../store.ts";

/** The complete snapshots in a folder, the newest first, by their names alone; no file is opened. */
export async function listFolder(folder: string): Promise<readonly StoredSnapshot[]> {
  return newestFirst(snapshotsAmong(folder, (await readFolder(folder)).files).snapshots);
}

/**
 * All that is below a store's root, by names alone, in both layouts: `<root>/<volume>/` and
 * `<root>/<context>/<volume>/`. A folder that is neither is passed over.
 */
export async function listRoot(root: string): Promise<readonly VolumeSnapshots[]> {
  const { folders } = await readFolder(root);
  const volumes = await Promise.all(folders.map((name) => listBranch(root, name)));
  return volumes
    .flat()
    .filter(({ snapshots, leftovers }) => snapshots.length > 0 || leftovers.length > 0)
    .toSorted((a, b) => (volumeTitle(a) < volumeTitle(b) ? -1 : 1));
}

/** A folder in a store's root may be a volume's, a context's, or both. */
async function listBranch(root: string, name: string): Promise<readonly VolumeSnapshots[]> {
  const path = join(root, name);
  const { files, folders } = await readFolder(path);
  const below = folders.map(async (volume) => {
    const folder = join(path, volume);
    return volumeIn(folder, (await readFolder(folder)).files, name, volume);
  });
  return [volumeIn(path, files, undefined, name), ...(await Promise.all(below))];
}

function volumeIn(
  folder: string,
  files: readonly string[],
  context: string | undefined,
  volume: string,
): VolumeSnapshots {
  const { snapshots, leftovers } = snapshotsAmong(folder, files);
  return { context, volume, snapshots: newestFirst(snapshots), leftovers };
}

const PARTIAL = /^\..*\.partial$/;
const SNAPSHOT_FILE = /^([^.]*)\.(tar\.zst|tar|json)$/;

function snapshotsAmong(
  folder: string,
  files: readonly string[],
): {
  readonly snapshots: readonly StoredSnapshot[];
  readonly leftovers: readonly Leftover[];
} {
  const names = new Set(files);
  const snapshots: StoredSnapshot[] = [];
  const leftovers: Leftover[] = [];
  for (const name of files) {
    // A folder's own path is normal already, and there may be ten thousand pairs: no join.
    const path = `${folder}${sep}${name}`;
    const [, baseName, extension] = SNAPSHOT_FILE.exec(name) ?? [];
    if (baseName === undefined) {
      if (PARTIAL.test(name)) leftovers.push({ path, kind: "unfinished" });
      continue;
    }
    if (extension === "json" && hasData(names, baseName)) continue;
    const snapshotName = parseSnapshotBaseName(baseName);
    if (snapshotName === undefined) continue;
    if (extension === "json") {
      const archivePath = `${folder}${sep}${baseName}.${ARCHIVE_FORMATS[0]}`;
      leftovers.push({ path, kind: "no data", archivePath });
    } else if (!names.has(`${baseName}.json`)) leftovers.push({ path, kind: "no sidecar" });
    else {
      const sidecarPath = `${folder}${sep}${baseName}.json`;
      snapshots.push({ ...snapshotName, archivePath: path, sidecarPath });
    }
  }
  return { snapshots, leftovers };
}

function hasData(names: ReadonlySet<string>, baseName: string): boolean {
  return ARCHIVE_FORMATS.some((format) => names.has(`${baseName}.${format}`));
}

async function readFolder(
  folder: string,
): Promise<{ readonly files: readonly string[]; readonly folders: readonly string[] }> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    const [folders, files] = [true, false].map((wanted) =>
      entries.filter((entry) => entry.isDirectory() === wanted).map(({ name }) => name),
    );
    return { files: files ?? [], folders: folders ?? [] };
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") {
      return { files: [], folders: [] };
    }
    throw new DockformError("store.unreadable", `cannot read ${folder}: ${messageOf(error)}`, {
      hint: "Check the folder's owner and mode.",
      cause: error,
    });
  }
}
