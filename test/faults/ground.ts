/** Where the volume of a scene lies. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { FileSystem, SMALLEST_BYTES } from "../e2e/file-system.ts";
import { FolderFileSystem } from "../e2e/folder-file-systems.ts";
import { run } from "../oracle/host.ts";
import type { Ground } from "./plan.ts";

/** The engine that a scene is on. */
export interface SceneEngine {
  readonly host: string;
  /** What is mounted below it the engine sees as well. */
  readonly temporaryFolder: string;
  /** Of dockerd, as this machine has it. */
  pid(): Promise<number | undefined>;
}

/** The place of a volume, before there is one. */
export interface Site extends AsyncDisposable {
  /** What the engine has to know to make a volume there. */
  readonly driverOpts: Readonly<Record<string, string>>;
  /** Where this process sees the files of a volume whose folder in the engine is given. */
  look(mountpoint: string): Promise<string>;
  /** What can lose its power, or be filled. */
  readonly disk: FileSystem | undefined;
  /** Brings what was put into the volume first to where it is hard to move. */
  settle(): Promise<void>;
}

const DISK_BYTES = 64 << 20;
const VOLUME = "volume";

/** Whether entries cannot be renamed there into a folder of ours, so that a restore needs `--in-place`. */
export function isUnrenamable(ground: Ground): boolean {
  return ground === "lower" || ground === "branches";
}

/** Whether a file takes the room of its holes there, or cannot tell them from data. */
export function fillsHoles(ground: Ground): boolean {
  return ground === "mergerfs" || ground === "branches";
}

/** @param fill puts what the volume is to hold into a folder */
export async function prepareSite(
  engine: SceneEngine,
  ground: Ground,
  fill: (folder: string) => Promise<void>,
): Promise<Site> {
  const under = engine.temporaryFolder;
  switch (ground) {
    case "roomy":
      return inEngine({}, async (mountpoint) => mountpoint);
    case "memory":
      return inEngine(
        { type: "tmpfs", device: "tmpfs", o: "size=64m" },
        async (mountpoint) =>
          // The engine mounts it where nobody else sees it.
          `/proc/${String(await engine.pid())}/root${mountpoint}`,
      );
    case "small":
    case "cramped": {
      const bytes = DISK_BYTES;
      return onDisk(await FileSystem.create({ bytes, inodes: 4096, journal: true, under }));
    }
    case "xfs":
    case "btrfs":
      return onDisk(
        await FileSystem.create({ type: ground, bytes: SMALLEST_BYTES[ground], under }),
      );
    case "overlay":
      return inFolder(await FolderFileSystem.overlay({ under }));
    case "lower": {
      const fillLower = async (lower: string): Promise<void> => {
        await mkdir(join(lower, VOLUME));
        await fill(join(lower, VOLUME));
      };
      return inFolder(await FolderFileSystem.overlay({ under, fillLower }));
    }
    case "mergerfs":
      return inFolder(await FolderFileSystem.mergerfs({ under, fillBranches: startOnFirst }));
    case "branches": {
      const merged = await FolderFileSystem.mergerfs({ under, fillBranches: startOnFirst });
      return inFolder(merged, () => spread(merged));
    }
  }
}

function inEngine(driverOpts: Site["driverOpts"], look: Site["look"]): Site {
  return {
    driverOpts,
    look,
    disk: undefined,
    settle: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

async function onDisk(disk: FileSystem): Promise<Site> {
  const folder = join(disk.folder, VOLUME);
  await mkdir(folder);
  return {
    driverOpts: { type: "none", o: "bind", device: folder },
    look: async () => folder,
    disk,
    settle: async () => {},
    [Symbol.asyncDispose]: () => disk[Symbol.asyncDispose](),
  };
}

async function inFolder(
  fileSystem: FolderFileSystem,
  settle: Site["settle"] = async () => {},
): Promise<Site> {
  const folder = join(fileSystem.folder, VOLUME);
  await mkdir(folder, { recursive: true });
  return {
    driverOpts: fileSystem.bind(VOLUME),
    look: async () => folder,
    disk: undefined,
    settle,
    [Symbol.asyncDispose]: () => fileSystem[Symbol.asyncDispose](),
  };
}

/** What is made in the volume's folder is then made where that is. */
async function startOnFirst(one: string): Promise<void> {
  await mkdir(join(one, VOLUME));
}

/** On the other branch, folders and files with several names, which have to stay on one. */
const SPREAD: readonly string[] = ["database", "file-1", "empty", "sparse", "file-10", "file-11"];

/** Moves some entries behind the file system's back. */
async function spread(merged: FolderFileSystem): Promise<void> {
  const script = `from=$0 to=$1; shift
    mkdir -p "$to"
    tar --no-recursion -cf - -C "$from" --acls --xattrs . | tar -xpf - -C "$to" --acls --xattrs
    touch -r "$from" "$to/../time"
    for name; do mv "$from/$name" "$to"; done
    touch -r "$to/../time" "$from" "$to"`;
  const [one, other] = ["one", "other"].map((branch) => join(merged.part(branch), VOLUME));
  await run("sh", ["-e", "-c", script, one ?? "", other ?? "", ...SPREAD]);
}
