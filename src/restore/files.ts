import { DockformError } from "../errors.ts";
import type { Helper } from "../helper/helper.ts";
import type { ByteText } from "../tar/header.ts";
import { parseAbout, type AboutKept } from "./kept.ts";

/** What an operation has to know of a volume's files before it touches them. */
export interface VolumeFiles {
  readonly empty: boolean;
  readonly freeBytes: number;
  /** Of the whole file system. */
  readonly totalBytes: number;
  /** Infinite on file systems that make inodes as they need them. */
  readonly freeInodes: number;
  /** What the helper would need to take the root folder's attributes off, and does not have. */
  readonly missingTool: string | undefined;
  /** The mount point of another file system inside the volume, of which it is no part. */
  readonly mounted: string | undefined;
  /** Staging folders of operations that were cut short. */
  readonly unfinished: readonly UnfinishedStaging[];
  /** What an earlier operation has kept. */
  readonly kept: AboutKept | undefined;
  /** What others wrote during earlier swaps: one path in each folder of it. */
  readonly setAside: readonly string[];
}

export interface UnfinishedStaging {
  readonly id: string;
  /** Entries stand partly in the staging folder, partly in their place. */
  readonly betweenOldAndNew: boolean;
}

/** How a path in a volume stands before something takes its place. */
export type PathStanding =
  | "there"
  | "free"
  /** A part of it before the last is a symbolic link, or no folder. */
  | "through";

export async function lookAtPaths(
  helper: Helper,
  paths: readonly ByteText[],
  signal: AbortSignal,
): Promise<ReadonlyMap<ByteText, PathStanding>> {
  const { facts } = await helper.call(["look_at", ...paths.map(toWord)], signal);
  return new Map(
    paths.map((path) => {
      const standing = facts.get(`path_${toWord(path)}`);
      return [path, standing === "there" || standing === "free" ? standing : "through"];
    }),
  );
}

/** For the helper's protocol, and for `printf %b`: every byte as an octal escape. */
export function toWord(path: ByteText): string {
  return [...Buffer.from(path, "latin1")]
    .map((byte) => `\\0${byte.toString(8).padStart(3, "0")}`)
    .join("");
}

export async function inspectVolumeFiles(
  helper: Helper,
  signal: AbortSignal,
): Promise<VolumeFiles> {
  const { facts, messages, status } = await helper.call(["inspect"], signal);
  const firstEntry = facts.get("first_entry");
  if (status !== 0 || firstEntry === undefined || messages.length > 0) {
    throw new DockformError(
      "volume.unreadable",
      `cannot look into the volume: ${messages.at(-1) ?? status}`,
      {
        hint: "Nothing was touched. Check the file system under the volume.",
      },
    );
  }
  const space = (facts.get("space") ?? "").split(" ").map(Number);
  const [freeBlocks = 0, blockBytes = 0, freeInodes = 0, inodes = 0, blocks = 0] = space;
  const kept = facts.get("kept");
  return {
    empty: firstEntry === "",
    freeBytes: freeBlocks * blockBytes,
    totalBytes: blocks * blockBytes,
    freeInodes: inodes === 0 ? Number.POSITIVE_INFINITY : freeInodes,
    missingTool: facts.get("missing_tool"),
    mounted: facts.get("mounted") || undefined,
    unfinished: unfinishedIn(facts),
    kept: kept === undefined ? undefined : parseAbout(kept),
    setAside: [...facts].filter(([fact]) => fact.startsWith("aside_")).map(([, path]) => path),
  };
}

function unfinishedIn(facts: ReadonlyMap<string, string>): readonly UnfinishedStaging[] {
  return [...facts].flatMap(([fact, sides]) => {
    const id = /^unfinished_(.*)$/.exec(fact)?.[1];
    if (id === undefined) return [];
    const present = new Set(sides.trim().split(" "));
    const incoming = present.has("new") || present.has("kept");
    const moving = ["old.partial", "back", "safety"].some((side) => present.has(side));
    return [{ id, betweenOldAndNew: moving || (present.has("old") && incoming) }];
  });
}
