import type { Advice } from "../advice.ts";
import { isOrdinaryAttribute } from "../helper/attributes.ts";
import {
  ASPECTS,
  groupText,
  type Aspect,
  type LostGroup,
  type MessageGroup,
} from "../helper/message-groups.ts";
import type { EntryDifference } from "../tar/compare.ts";
import type { EntryChange } from "../tar/record.ts";

/** What a restore may do without, where the target or the helper cannot put it back. */
export interface DoesWithout {
  readonly without: ReadonlySet<Aspect>;
  /** Nor without attributes that only a privileged helper could set. */
  readonly strictAttributes: boolean;
}

/** Whatever it lacks: where the alternative is to lose all of it. */
export const LENIENT: DoesWithout = {
  without: new Set(ASPECTS),
  strictAttributes: false,
};

export function mayLeaveOut(
  { without, strictAttributes }: DoesWithout,
  { aspect, attribute }: Pick<MessageGroup, "aspect" | "attribute">,
): boolean {
  if (aspect === undefined) return false;
  if (without.has(aspect)) return true;
  return aspect === "attributes" && !strictAttributes && !isOrdinaryAttribute(attribute ?? "ACL");
}

/** One sentence a kind. */
export function leftOutText(group: LostGroup): string {
  // What tar says nothing of is so everywhere.
  return `left out: ${group.files.length === 0 ? group.what : groupText(group)}`;
}

/** How to go on after a failure, where there is a way. */
export function withoutAdvice(
  groups: readonly MessageGroup[],
  options: DoesWithout,
): readonly Advice[] {
  const lost = groups.filter(({ aspect }) => aspect !== undefined);
  if (lost.length === 0) return [];
  const [isStrict, isLenient] = [true, false].map((strictAttributes) =>
    lost.every((group) => mayLeaveOut({ ...options, strictAttributes }, group)),
  );
  if (isLenient === true && isStrict === false) return [{ code: "allow-lost-attributes" }];
  const aspects = new Set([...options.without, ...lost.flatMap(({ aspect }) => aspect ?? [])]);
  return [{ code: "restore-without", aspects: [...aspects] }];
}

/**
 * Whether a difference between an archive and what was extracted is due to what was left out. Whatever else differs
 * is not: content, size, type, a link's target, a device's numbers.
 */
export function isDueToLeftOut(
  { kind, type, changes }: EntryDifference,
  leftOut: readonly LostGroup[],
  { without }: Pick<DoesWithout, "without">,
): boolean {
  const lost = new Set(leftOut.map(({ aspect }) => aspect));
  switch (kind) {
    case "added":
      return false;
    case "removed":
      if (type === "symlink" || type === "hardlink") return lost.has("links");
      return type !== "file" && type !== "folder" && lost.has("devices");
    case "changed":
      return changes.every((change) => isChangeLeftOut(change, leftOut, without));
  }
}

function isChangeLeftOut(
  { what, before, after }: EntryChange,
  leftOut: readonly LostGroup[],
  without: ReadonlySet<Aspect>,
): boolean {
  const isLost = (lost: Aspect): boolean => leftOut.some(({ aspect }) => aspect === lost);
  switch (what) {
    case "owner":
      return isLost("owners");
    case "mode":
      return isLost("modes") || (isLost("owners") && losesSetId(before, after));
    case "time":
      // A file system that keeps coarser times says nothing.
      return isLost("times") || without.has("times");
    case "hard link to":
      return isLost("links");
    case "ACL":
    case "default ACL":
      return isAttributeLost("ACL", leftOut);
    default: {
      const attribute = /^attribute (.+)$/s.exec(what)?.[1];
      return attribute !== undefined && isAttributeLost(attribute, leftOut);
    }
  }
}

function isAttributeLost(name: string, leftOut: readonly LostGroup[]): boolean {
  return leftOut.some(({ aspect, attribute }) => {
    if (aspect !== "attributes") return false;
    // Where the name is missing it stands for all attributes, of which ACLs are not one.
    return attribute === undefined ? name !== "ACL" : attribute === name;
  });
}

const SET_ID_BITS = 0o6000;

/** Whether two modes, in octal, are the same but for set-user-ID and set-group-ID bits that are gone. */
function losesSetId(before = "", after = ""): boolean {
  const [had, has] = [Number.parseInt(before, 8), Number.parseInt(after, 8)];
  return (had | SET_ID_BITS) === (has | SET_ID_BITS) && (has & ~had) === 0;
}
