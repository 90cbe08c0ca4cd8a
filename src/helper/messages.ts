import { TAR_RECORD_BYTES, type HelperReply } from "./reply.ts";

/** What tar and zstd made of an archive, read from a reply's status facts and messages. */
export interface TarOutcome {
  /** Length of the tar stream. */
  readonly tarBytes: number;
  /** Regular files, and further names, which symbolic links may have, too. */
  readonly files: number;
  readonly entries: number;
  /** Whether tar met the empty blocks that end an archive, and nothing else after them. */
  readonly markedEnd: boolean;
  /** Whether something followed them, or a lone one. */
  readonly goesOn: boolean;
  /** What tar remarked without failing, without its name in front. */
  readonly remarks: readonly string[];
  /** Why the archive is not to be trusted; `undefined` when it is. */
  readonly failure: string | undefined;
}

/** How many records tar may read of a stream that is not to be longer than that; one more tells it that this is all. */
export function tarRecordLimit(bytes: number): number {
  return Math.ceil(bytes / TAR_RECORD_BYTES) + 2;
}

const BLOCK_BYTES = 512;
const TOTAL = /^Total bytes (?:written|read): (\d+)/;
/** tar's way to say "see above". */
const SUMMARY = /Exiting with failure status due to previous errors|Error is not recoverable/;

/** Status 1 of tar says that files changed while it read them: the archive is whole all the same. */
const TAR_FILES_CHANGED = 1;

export function tarOutcome(reply: HelperReply, mode: "create" | "read"): TarOutcome {
  const number = (fact: string): number => Number(reply.facts.get(fact) ?? Number.NaN);
  const total = reply.messages.map((line) => TOTAL.exec(line)?.[1]).find((n) => n !== undefined);
  const remarks = reply.messages
    .filter((line) => !TOTAL.test(line) && !SUMMARY.test(line))
    .map((line) => line.replace(/^tar: (?:\.\/)?/, ""));
  const tarStatus = number("tar_status");
  const tarWorked = tarStatus === 0 || (mode === "create" && tarStatus === TAR_FILES_CHANGED);
  const worked = reply.status === 0 && tarWorked && number("zstd_status") === 0;
  const cause = remarks.find((line) => /cannot|error|unexpected|not look|premature/i.test(line));
  const lostMetadata = mode === "read" ? remarks.find(isLoss) : undefined;
  const failure = worked
    ? (lostMetadata ?? (total === undefined ? "tar did not say how much it read" : undefined))
    : (cause ?? remarks.at(-1) ?? ending(reply));
  return {
    // A reader's total is in whole records, and counts the attempt to read beyond the end.
    tarBytes: mode === "create" ? Number(total ?? 0) : number("blocks") * BLOCK_BYTES,
    files: number("files"),
    entries: number("entries"),
    markedEnd: number("marked_end") === 1,
    goesOn: number("after_end") === 1,
    remarks: [...remarks, ...omitted(reply), ...tooLong(reply), ...mounted(reply)],
    failure,
  };
}

/** Whether a verb did nothing because an operation on the volume was cut short before. */
export function metUnfinished({ facts }: Pick<HelperReply, "facts">): boolean {
  return [...facts.keys()].some((fact) => fact.startsWith("unfinished_"));
}

function ending({ facts, status }: HelperReply): string {
  const tarStatus = facts.get("tar_status");
  return tarStatus === undefined
    ? `the helper ended with status ${status}`
    : `tar ended with status ${tarStatus}`;
}

/**
 * tar treats an attribute or ACL that it cannot set as a warning; to us it is a loss. An ACL text
 * with names that mean nothing here is none: tar then sets the ACL's raw copy, which attributes carry.
 */
function isLoss(remark: string): boolean {
  return remark.includes("Cannot") && !remark.includes("Cannot acl_from_text");
}

function omitted(reply: HelperReply): readonly string[] {
  const count = reply.messageCount - reply.messages.length;
  return count === 0 ? [] : [`and ${count} more messages of tar`];
}

function mounted({ facts }: HelperReply): readonly string[] {
  const place = facts.get("mounted");
  return place
    ? [`${place} is the mount point of another file system; it is in the archive, too`]
    : [];
}

function tooLong(reply: HelperReply): readonly string[] {
  const count = Number(reply.facts.get("too_long") ?? 0);
  return count === 0
    ? []
    : [
        `${count} paths are longer than 4,095 bytes: they are in the archive, but tar cannot extract them`,
      ];
}
