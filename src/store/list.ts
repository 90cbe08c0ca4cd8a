import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DockformError, messageOf, systemCode } from "../errors.ts";
import {
  ARCHIVE_FORMATS,
  parseSnapshotBaseName,
  type ArchiveFormat,
  type SnapshotName,
} from "../snapshot/name.ts";

/** A complete snapshot in a folder: data and sidecar. */
export interface StoredSnapshot extends SnapshotName {
  readonly archivePath: string;
  readonly sidecarPath: string;
}

/** A file that is no snapshot, or not yet, or not any more. */
export interface Leftover {
  readonly path: string;
  /**
   * `unfinished`: being written, or left by a program that was killed. `no sidecar`: data that a removal
   * has left, or that came from elsewhere. `no data`: a sidecar whose data is gone.
   */
  readonly kind: "unfinished" | "no sidecar" | "no data";
}

/** The snapshots of one volume, and what else looks like one. */
export interface VolumeSnapshots {
  /** `undefined` in the layout without contexts. */
  readonly context: string | undefined;
  readonly volume: string;
  /** The newest first. */
  readonly snapshots: readonly StoredSnapshot[];
  readonly leftovers: readonly Leftover[];
}

/** The newest complete snapshot in any of the folders, by its name alone; no file is opened. */
export async function newestSnapshot(
  folders: readonly string[],
): Promise<StoredSnapshot | undefined> {
  const listings = await Promise.all(folders.map(listFolder));
  return newestFirst(listings.flatMap(({ snapshots }) => snapshots))[0];
}

/**
 * All that a store holds, by names alone, in both layouts: `<root>/<volume>/` and
 * `<root>/<context>/<volume>/`. A folder that is neither is passed over.
 */
export async function listStore(root: string): Promise<readonly VolumeSnapshots[]> {
  const volumes: VolumeSnapshots[] = [];
  for (const name of await subfolders(root)) {
    const here = await listVolume(join(root, name), undefined, name);
    const inside = await subfolders(join(root, name));
    const below = await Promise.all(
      inside.map((volume) => listVolume(join(root, name, volume), name, volume)),
    );
    volumes.push(...[here, ...below].filter((listed) => !isEmpty(listed)));
  }
  return volumes.toSorted((a, b) => (title(a) < title(b) ? -1 : 1));
}

/** `volume`, or `context/volume` where the store tells contexts apart. */
export function title({ context, volume }: Pick<VolumeSnapshots, "context" | "volume">): string {
  return context === undefined ? volume : `${context}/${volume}`;
}

export function newestFirst<Named extends SnapshotName>(
  snapshots: readonly Named[],
): readonly Named[] {
  return snapshots.toSorted((a, b) => b.time.getTime() - a.time.getTime());
}

function isEmpty({ snapshots, leftovers }: VolumeSnapshots): boolean {
  return snapshots.length === 0 && leftovers.length === 0;
}

async function listVolume(
  folder: string,
  context: string | undefined,
  volume: string,
): Promise<VolumeSnapshots> {
  const { snapshots, leftovers } = await listFolder(folder);
  return { context, volume, snapshots: newestFirst(snapshots), leftovers };
}

const PARTIAL = /^\..*\.partial$/;

async function listFolder(folder: string): Promise<{
  readonly snapshots: readonly StoredSnapshot[];
  readonly leftovers: readonly Leftover[];
}> {
  const names = new Set(await fileNames(folder));
  const snapshots: StoredSnapshot[] = [];
  const leftovers: Leftover[] = [];
  for (const name of names) {
    const path = join(folder, name);
    const found = parseFileName(name);
    if (PARTIAL.test(name)) leftovers.push({ path, kind: "unfinished" });
    if (found === undefined) continue;
    const { baseName, snapshotName, extension } = found;
    if (extension === "json") {
      const hasData = ARCHIVE_FORMATS.some((format) => names.has(`${baseName}.${format}`));
      if (!hasData) leftovers.push({ path, kind: "no data" });
    } else if (names.has(`${baseName}.json`)) {
      const sidecarPath = join(folder, `${baseName}.json`);
      snapshots.push({ ...snapshotName, archivePath: path, sidecarPath });
    } else {
      leftovers.push({ path, kind: "no sidecar" });
    }
  }
  return { snapshots, leftovers };
}

const EXTENSIONS: readonly (ArchiveFormat | "json")[] = [...ARCHIVE_FORMATS, "json"];

function parseFileName(name: string):
  | {
      readonly baseName: string;
      readonly snapshotName: SnapshotName;
      readonly extension: ArchiveFormat | "json";
    }
  | undefined {
  const extension = EXTENSIONS.find((candidate) => name.endsWith(`.${candidate}`));
  if (extension === undefined) return undefined;
  const baseName = name.slice(0, -(extension.length + 1));
  const snapshotName = parseSnapshotBaseName(baseName);
  return snapshotName && { baseName, snapshotName, extension };
}

async function fileNames(folder: string): Promise<readonly string[]> {
  return orNothing(folder, readdir(folder));
}

async function subfolders(folder: string): Promise<readonly string[]> {
  const entries = await orNothing(folder, readdir(folder, { withFileTypes: true }));
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
}

async function orNothing<Item>(folder: string, reading: Promise<Item[]>): Promise<readonly Item[]> {
  try {
    return await reading;
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return [];
    throw new DockformError("failed", `cannot read ${folder}: ${messageOf(error)}`, {
      hint: "Check the folder's owner and mode.",
      cause: error,
    });
  }
}
