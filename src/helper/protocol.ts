/**
 * What client and script have to agree on: verbs, facts and numbers. protocol.test.ts compares it with what the script
 * does serve and say.
 */
import { shellWord } from "../format.ts";
import {
  asideFolder,
  ID_GLOB,
  KEPT_FOLDER,
  RESERVED_NAME,
  stagingFolder,
  trashFolder,
} from "../snapshot/reserved.ts";

const BLOCK_BYTES = 512;
/** The unit in which the helper's tar reads and writes. */
export const TAR_RECORD_BYTES = 61_440;
/** How often a client gives a sign of life. */
export const HEARTBEAT_SECONDS = 10;
/** A client that was silent for so many heartbeats is dead. */
const SILENT_BEATS = 6;
/** After so long a silence a helper takes its client for dead. */
export const SILENCE_LIMIT_SECONDS = HEARTBEAT_SECONDS * SILENT_BEATS;

/**
 * File systems on which every change of an entry changes its ctime, as the kernel of the engine's host
 * sees it, by the names of `stat -f`. On others (NFS, FUSE, tmpfs with its memory maps) a change may go unseen.
 */
export const TELLING_FILE_SYSTEMS: readonly string[] = [
  "ext2/ext3",
  "xfs",
  "btrfs",
  "zfs",
  "f2fs",
  "bcachefs",
];

/** Variables of the script, a line each. */
export function scriptSettings(): string {
  const variables = {
    record_blocks: TAR_RECORD_BYTES / BLOCK_BYTES,
    beat_seconds: HEARTBEAT_SECONDS,
    silent_beats: SILENT_BEATS,
    id_pattern: ID_GLOB,
    staging_prefix: stagingFolder(""),
    trash_prefix: trashFolder(""),
    aside_prefix: asideFolder(""),
    kept_name: KEPT_FOLDER,
    reserved_name: RESERVED_NAME,
    telling_file_systems: TELLING_FILE_SYSTEMS.join(" "),
  };
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${shellWord(String(value))}\n`)
    .join("");
}

export const VERBS = [
  "hello",
  "archive",
  "attributes",
  "fingerprint",
  "scan",
  "inspect",
  "lies_on",
  "look_at",
  "begin",
  "resume",
  "probe",
  "try_samples",
  "extract",
  "finish_extract",
  "accept",
  "limit_to",
  "take_kept",
  "swap",
  "swap_back",
  "recover",
  "keep",
  "clear",
  "discard",
  "conclude",
  "forget_kept",
  "measure_kept",
  "empty_trash",
  "put_aside",
] as const;

export type VerbName = (typeof VERBS)[number];

/** What a reply may say, by the verbs that say it. */
export const FACTS = [
  // Of any verb.
  "missing_tool",
  "mounted",
  "file_system_type",
  // hello
  "tar",
  "zstd",
  "lacks",
  "token",
  "kernel",
  // archive, extract and scan
  "tar_status",
  "zstd_status",
  "looked_status",
  "listened",
  "filled",
  "set_aside",
  "files",
  "entries",
  "too_long",
  "symlinks",
  "hard_links",
  "devices",
  "fifos",
  "attributes",
  "acls",
  "owners",
  "marked_end",
  "after_end",
  "blocks",
  "over_limit",
  "roots",
  "left_out",
  "attributes_unknown",
  // fingerprint
  "file_system",
  "boot",
  "time",
  "find_status",
  // inspect and lies_on
  "first_entry",
  "space",
  "device",
  "kept",
  "kept_kilobytes",
  // what moves contents, and what takes them away
  "unmovable",
  "swapped",
  "swapped_back",
  "returned",
  "stays",
  "safety",
  "needs_safety",
  "cleared",
  "put_away",
  "aside",
] as const;

/** Facts of which there may be several: the name, `_`, and what tells them apart. */
export const FAMILIES = [
  "unfinished",
  "aside",
  "left",
  "subvolume",
  "path",
  "tried",
  "attribute",
] as const;

/** What {@link ReplyReader} takes for itself: the end of a verb, and how far it is. */
export const SIGNALS = ["end", "ready", "passed", "expected"] as const;

type Family = (typeof FAMILIES)[number];

export type FactName = (typeof FACTS)[number] | `${Family}_${string}`;

/** The facts of one reply. */
export interface Facts extends Iterable<readonly [name: string, value: string]> {
  get(name: FactName): string | undefined;
  has(name: FactName): boolean;
}

/** The facts of a family, each with what comes after the family's name. */
export function factsOf(
  facts: Facts,
  family: Family,
): readonly (readonly [member: string, value: string])[] {
  const prefix = `${family}_`;
  return [...facts].flatMap(([name, value]) =>
    name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [],
  );
}
