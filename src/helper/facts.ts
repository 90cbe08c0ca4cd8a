/** What the script may say in a reply: every fact by name. facts.test.ts compares this with what the script does say. */

const FACTS = [
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
const FAMILIES = [
  "unfinished",
  "aside",
  "left",
  "subvolume",
  "path",
  "tried",
  "attribute",
] as const;

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
