import { formatCount } from "../format.ts";

const ORDINARY = /^(?:ACL$|user\.|security\.capability$|system\.posix_acl_)/;

const PRIVILEGED = /^(?:security|trusted)\./;

/** Whether any helper can set an attribute on any file system that has attributes: `user.*`, capabilities, ACLs. */
export function isOrdinaryAttribute(name: string): boolean {
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
