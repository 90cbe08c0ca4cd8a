import { formatCount } from "../format.ts";
import {
  groupText,
  type Aspect,
  type LostGroup,
  type MessageGroup,
} from "../helper/message-groups.ts";
import type { EntryDifference } from "../tar/compare.ts";

/** What a restore may do without, where the target or the helper cannot put it back. */
export interface DoesWithout {
  readonly without: ReadonlySet<Aspect>;
  /** Nor without attributes that only a privileged helper could set. */
  readonly strictAttributes: boolean;
}

/** Whatever it lacks: where the alternative is to lose all of it. */
export const LENIENT: DoesWithout = {
  without: new Set(["owners", "modes", "attributes", "times", "devices", "links"]),
  strictAttributes: false,
};

const ORDINARY = /^(?:ACL$|user\.|security\.capability$|system\.posix_acl_)/;

const PRIVILEGED = /^(?:security|trusted)\./;

/** Whether any helper can set an attribute on any file system that has attributes: `user.*`, capabilities, ACLs. */
function isOrdinaryAttribute(name: string): boolean {
  return ORDINARY.test(name);
}

/**
 * Of attributes and how many entries have them, those that a helper with these capabilities cannot put back, at
 * least on another file system.
 */
export function unrestorable(
  attributes: ReadonlyMap<string, number>,
  capabilities: readonly string[],
): ReadonlyMap<string, number> {
  const mayAll = capabilities.includes("SYS_ADMIN");
  return new Map(
    [...attributes].filter(
      ([name]) => !isOrdinaryAttribute(name) && !(mayAll && PRIVILEGED.test(name)),
    ),
  );
}

/** `security.NTACL of 12 files, trusted.x of 3`. */
export function attributesText(attributes: ReadonlyMap<string, number>): string {
  return [...attributes]
    .map(([name, count]) => `${name} of ${formatCount(count, "entry", "entries")}`)
    .join(", ");
}

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

/** The flag that goes on after a failure, where there is one. */
export function withoutAdvice(groups: readonly MessageGroup[], options: DoesWithout): string {
  const lost = groups.filter(({ aspect }) => aspect !== undefined);
  if (lost.length === 0) return "";
  const [isStrict, isLenient] = [true, false].map((strictAttributes) =>
    lost.every((group) => mayLeaveOut({ ...options, strictAttributes }, group)),
  );
  if (isLenient === true && isStrict === false) return " Or leave --strict-attributes away.";
  const aspects = new Set([...options.without, ...lost.flatMap(({ aspect }) => aspect ?? [])]);
  return ` To restore without what cannot be put back: --without ${[...aspects].join(",")}`;
}

/** Whether a difference between an archive and what was extracted is due to what was left out. */
export function isDueToLeftOut(
  { kind, type, changes }: EntryDifference,
  leftOut: readonly LostGroup[],
  { without }: DoesWithout,
): boolean {
  const aspects = new Set([...without, ...leftOut.map(({ aspect }) => aspect)]);
  if (kind === "removed") {
    if (type === "symlink" || type === "hardlink") return aspects.has("links");
    return type !== "file" && type !== "folder" && aspects.has("devices");
  }
  const attributes = new Set(leftOut.map(({ attribute }) => attribute));
  const isLeftOut = (what: string): boolean => {
    if (what === "owner") return aspects.has("owners");
    // Without its owner a file has no set-user-ID bit either.
    if (what === "mode") return aspects.has("modes") || aspects.has("owners");
    if (what === "time") return aspects.has("times");
    if (what === "hard link to") return aspects.has("links");
    if (what === "ACL" || what === "default ACL") return without.has("attributes");
    return without.has("attributes") || attributes.has(what.replace(/^attribute /, ""));
  };
  return kind === "changed" && changes.every(({ what }) => isLeftOut(what));
}
