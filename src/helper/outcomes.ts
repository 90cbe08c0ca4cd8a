/** What replies of the script mean. */
import type { MessageGroup } from "./message-groups.ts";
import { factsOf, type Facts } from "./protocol.ts";
import { causeIn, type HelperReply } from "./reply.ts";
import { trashFolder } from "../snapshot/reserved.ts";
import { wordText } from "./words.ts";

/** Why a verb failed. */
export interface Failed {
  readonly failure: string;
}

/** What an operation has to know of a volume's files before it touches them. */
export interface InspectedFiles {
  readonly failure?: undefined;
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
  /** What is said of the contents that an earlier operation has kept. */
  readonly keptAbout: string | undefined;
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

/** The kernel's number for what it does not rename to another file system, or to another disk of a union. */
export const EXDEV = 18;

/** What in a volume cannot be renamed into another folder of it, and why. */
export interface Obstacle {
  /** As the kernel names it, e.g. 18 for EXDEV. */
  readonly errno: number;
  /** In the volume, fit to be shown; `.` where nothing can be renamed. */
  readonly name: string;
  /** As the kernel names it: `fuse.mergerfs`. */
  readonly fileSystemType: string;
}

/** A little file as it was read back from the volume. */
export interface Sample {
  /** As tar lists it: the type's letter, nine of rights, and a mark for attributes or an ACL. */
  readonly mode: string;
  /** `UID:GID`. */
  readonly owner: string;
  /** `YYYY-MM-DD`. */
  readonly date: string;
  /** `HH:MM:SS`, with fractions where there are any. */
  readonly time: string;
}

/** Where a swap has come to. */
export interface SwapOutcome {
  /**
   * Which contents are in place: those from `before` the operation, never replaced; the same, put back (`returned`); or
   * those that it brought (`after`). `undefined` between old and new.
   */
  readonly inPlace: "before" | "returned" | "after" | undefined;
  /** Where the only copy of the old contents is; they are not in the volume any more. */
  readonly safety: string | undefined;
  /** Whether the old contents have to be brought back from there. */
  readonly needsSafety: boolean;
  /** The old contents were to come back, and what is in place cannot be renamed. */
  readonly stays: boolean;
  /** Why something could not be moved, where it was that. */
  readonly obstacle: Obstacle | undefined;
  /** Why it is not what was asked for. */
  readonly cause: string;
}

/** Contents that the volume keeps. */
export interface KeptFound {
  /** What was said of them when they were kept. */
  readonly about: string;
  /** On the disk. */
  readonly bytes: number;
}

/** What could not be removed from the disk; it is in nobody's way. */
export interface Leftover {
  /** At the top of the volume. */
  readonly folder: string;
  /** Why it could not be removed. */
  readonly cause: string;
  /** Paths in the volume of Btrfs subvolumes in it. */
  readonly subvolumes: readonly string[];
}

/** What became of a staging folder that was to go. */
export interface TidyOutcome {
  /** Why not all of it is gone from the disk; `undefined` where it is. */
  readonly failure: string | undefined;
  /** Whether it is put away at least: nothing in it counts any more. */
  readonly putAway: boolean;
  readonly leftovers: readonly Leftover[];
  /** A path in the folder of what others wrote meanwhile. */
  readonly aside: string | undefined;
  readonly kept: KeptFound | undefined;
}

export function filesIn(reply: HelperReply): InspectedFiles | Failed {
  const { facts, messages, status } = reply;
  const firstEntry = facts.get("first_entry");
  if (status !== 0 || firstEntry === undefined || messages.length > 0) {
    return { failure: causeIn(reply) };
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
    keptAbout: kept === undefined ? undefined : wordText(kept),
    setAside: factsOf(facts, "aside").map(([, path]) => path),
  };
}

function unfinishedIn(facts: Facts): readonly UnfinishedStaging[] {
  return factsOf(facts, "unfinished").map(([id, sides]) => {
    const present = new Set(sides.trim().split(" "));
    const incoming = present.has("new") || present.has("kept");
    const moving = ["old.partial", "back", "safety"].some((side) => present.has(side));
    return { id, betweenOldAndNew: moving || (present.has("old") && incoming) };
  });
}

/** Whether a verb did nothing because an operation on the volume was cut short before. */
export function metUnfinished({ facts }: HelperReply): boolean {
  return factsOf(facts, "unfinished").length > 0;
}

/** `unmovable ERRNO NAME`, and which file system that is. */
export function obstacleIn({ facts }: HelperReply): Obstacle | undefined {
  const found = facts.get("unmovable");
  if (found === undefined) return undefined;
  const [errno = "", ...name] = found.split(" ");
  const fileSystemType = facts.get("file_system_type") ?? "unknown";
  return { errno: Number(errno), name: name.join(" "), fileSystemType };
}

/** `tried_NAME MODE OWNER DATE TIME` of each. */
export function samplesIn({ facts }: HelperReply): ReadonlyMap<string, Sample> {
  return new Map(
    factsOf(facts, "tried").map(([name, found]) => {
      const [mode = "", owner = "", date = "", time = ""] = found.split(" ");
      return [name, { mode, owner: owner.replace("/", ":"), date, time }];
    }),
  );
}

export function swapOutcome(reply: HelperReply): SwapOutcome {
  const { facts } = reply;
  const needed = facts.get("needs_safety");
  const safety = needed ?? facts.get("safety");
  return {
    inPlace: inPlaceAfter(facts),
    safety: safety === undefined ? undefined : wordText(safety),
    needsSafety: needed !== undefined,
    stays: facts.has("stays"),
    obstacle: obstacleIn(reply),
    cause: causeIn(reply),
  };
}

function inPlaceAfter(facts: Facts): SwapOutcome["inPlace"] {
  if (facts.has("swapped_back")) return "before";
  if (facts.has("returned")) return "returned";
  return facts.has("swapped") ? "after" : undefined;
}

export function tidyOutcome(reply: HelperReply): TidyOutcome {
  const { facts } = reply;
  return {
    failure: failureIn(reply),
    putAway: facts.has("put_away"),
    leftovers: leftoversIn(reply),
    aside: facts.get("aside"),
    kept: keptIn(reply),
  };
}

export function leftoversIn(reply: HelperReply): readonly Leftover[] {
  const cause = causeIn(reply);
  const subvolumes = factsOf(reply.facts, "subvolume").flatMap(([number, path]) =>
    /^\d/.test(number) ? path : [],
  );
  return factsOf(reply.facts, "left").map(([id]) => {
    const folder = trashFolder(id);
    const inside = subvolumes.filter((path) => path.startsWith(`${folder}/`));
    return { folder, cause, subvolumes: inside };
  });
}

export function keptIn({ facts }: HelperReply): KeptFound | undefined {
  const about = facts.get("kept");
  if (about === undefined) return undefined;
  return { about: wordText(about), bytes: Number(facts.get("kept_kilobytes")) * 1024 };
}

/** Why a verb failed; `undefined` where it did not. */
export function failureIn(reply: HelperReply): string | undefined {
  return reply.status === 0 ? undefined : causeIn(reply);
}

/** What tar said of little files, and how they came out. */
export interface Samples {
  readonly failure?: undefined;
  readonly said: readonly MessageGroup[];
  readonly samples: ReadonlyMap<string, Sample>;
}
