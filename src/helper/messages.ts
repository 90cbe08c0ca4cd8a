import { TAR_RECORD_BYTES, type FactName } from "./protocol.ts";
import { groupText, type LostGroup, type MessageGroup } from "./message-groups.ts";
import type { HelperReply } from "./reply.ts";

/** What tar and zstd made of an archive that they read, from a reply's status facts and messages. */
export interface TarOutcome {
  /** Length of the tar stream. */
  readonly tarBytes: number;
  readonly entries: number;
  /** Whether tar met the empty blocks that end an archive, and nothing else after them. */
  readonly markedEnd: boolean;
  /** Whether something followed them, or a lone one. */
  readonly goesOn: boolean;
  /** What tar remarked without failing, without its name in front; one of a kind, with a count. */
  readonly remarks: readonly string[];
  /** What could not be put back, and is to be done without. */
  readonly leftOut: readonly LostGroup[];
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

/** Status 2 says that tar could not deal with a file, or with the archive. */
const TAR_FILES_FAILED = "2";
const CAUSE = /cannot|error|unexpected|not look|premature/i;

/** @param doesWithout what of an archive may be left out where the target cannot hold it. */
export function tarOutcome(
  reply: HelperReply,
  doesWithout: (group: MessageGroup) => boolean = () => false,
): TarOutcome {
  const number = (fact: FactName): number => Number(reply.facts.get(fact) ?? Number.NaN);
  const said = saidIn(reply);
  const leftOut = said.filter(isLost).filter(doesWithout);
  const others = said.filter((group) => !isLost(group) || !leftOut.includes(group));
  return {
    // tar's own total is in whole records, and counts the attempt to read beyond the end.
    tarBytes: number("blocks") * BLOCK_BYTES,
    entries: number("entries"),
    markedEnd: number("marked_end") === 1,
    goesOn: number("after_end") === 1,
    remarks: others.map(groupText),
    leftOut,
    failure: failureOf(reply, { leftOut, others }),
  };
}

function failureOf(
  reply: HelperReply,
  { leftOut, others }: Record<"leftOut" | "others", readonly MessageGroup[]>,
): string | undefined {
  const [tarStatus, zstdStatus] = [reply.facts.get("tar_status"), reply.facts.get("zstd_status")];
  const lost = others.find(isLoss);
  const accepted = [
    "0",
    ...(leftOut.length > 0 && others.every(isHarmless) ? [TAR_FILES_FAILED] : []),
  ];
  if (reply.status === 0 && accepted.includes(tarStatus ?? "") && zstdStatus === "0") {
    if (lost !== undefined) return groupText(lost);
    return totalIn(reply) === undefined ? "tar did not say how much it read" : undefined;
  }
  return likelyCause(others) ?? endingOf(reply);
}

/** What tar, zstd and others said, without tar's sums. */
export function saidIn({ groups }: HelperReply): readonly MessageGroup[] {
  return groups.filter(({ what }) => !TOTAL.test(what) && !SUMMARY.test(what));
}

/** Of several messages the one that tells best what went wrong; `undefined` where there are none. */
export function likelyCause(said: readonly MessageGroup[]): string | undefined {
  const cause = said.find(({ what }) => CAUSE.test(what)) ?? said.at(-1);
  return cause && groupText(cause);
}

/** How much tar has read or written, where it came to the end. */
export function totalIn({ messages }: HelperReply): string | undefined {
  return messages.map((line) => TOTAL.exec(line)?.[1]).find((total) => total !== undefined);
}

function isLost(group: MessageGroup): group is LostGroup {
  return group.aspect !== undefined;
}

/** What there is to say of a helper that failed without a word. */
export function endingOf({ facts, status }: HelperReply): string {
  const tarStatus = facts.get("tar_status");
  return tarStatus === undefined
    ? `the helper ended with status ${status}`
    : `tar ended with status ${tarStatus}`;
}

/**
 * tar treats an attribute or ACL that it cannot set as a warning; to us it is a loss. An ACL text
 * with names that mean nothing here is none: tar then sets the ACL's raw copy, which attributes carry.
 */
function isLoss(group: MessageGroup): boolean {
  return group.what.includes("Cannot") && !isHarmless(group);
}

function isHarmless({ what }: MessageGroup): boolean {
  return what.includes("Cannot acl_from_text");
}
