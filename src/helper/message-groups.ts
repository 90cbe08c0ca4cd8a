import { formatCount } from "../format.ts";

/** What a file system may be unable to hold of an archive; the words of `--without`. */
export const ASPECTS = ["owners", "modes", "attributes", "times", "devices", "links"] as const;

export type Aspect = (typeof ASPECTS)[number];

/** What tar said in the same words of one file or more. */
export interface MessageGroup {
  /** What it said, without its own name and the file's. */
  readonly what: string;
  readonly count: number;
  /** The first few. */
  readonly files: readonly string[];
  /** What could not be put back, where it was that. */
  readonly aspect: Aspect | undefined;
  /** The attribute's name, or "ACL". */
  readonly attribute: string | undefined;
}

/** What could not be put back. */
export type LostGroup = MessageGroup & { readonly aspect: Aspect };

const FILES_NAMED = 3;
const FILE_SHRANK = "File shrank while it was read; what was missing is stored as zeros";
/** Messages that are all different, or of no known form. */
const GROUPS_KEPT = 1000;
const FAILURE = /Cannot |Read error/;

interface Form {
  /** Named groups: `file`, and what {@link Form.what} uses. */
  readonly pattern: RegExp;
  readonly aspect?: Aspect;
  readonly what: (parts: Readonly<Record<string, string | undefined>>) => string;
}

/** A name may hold any character but the line's end, and `.` alone stops at others. */
const FORMS: readonly Form[] = [
  {
    pattern:
      /^\S*setxattr\S*: Cannot set '(?<attribute>.+)' extended attribute for file '(?<file>.*)': (?<why>[^:]+)$/s,
    aspect: "attributes",
    what: ({ attribute, why }) => `Cannot set attribute ${attribute}: ${why}`,
  },
  {
    pattern:
      /^acl_\w+: (?<what>Cannot (?:set|drop default)) POSIX ACLs for file '(?<file>.*)': (?<why>[^:]+)$/s,
    aspect: "attributes",
    what: ({ what, why }) => `${what} ACL: ${why}`,
  },
  {
    pattern: /^(?<file>.*): Cannot change ownership to uid \d+, gid \d+: (?<why>[^:]+)$/s,
    aspect: "owners",
    what: ({ why }) => `Cannot change ownership: ${why}`,
  },
  {
    pattern: /^(?<file>.*): Cannot change mode to \S+: (?<why>[^:]+)$/s,
    aspect: "modes",
    what: ({ why }) => `Cannot change mode: ${why}`,
  },
  {
    pattern: /^(?<file>.*): Cannot utime: (?<why>[^:]+)$/s,
    aspect: "times",
    what: ({ why }) => `Cannot set time: ${why}`,
  },
  {
    pattern: /^(?<file>.*): Cannot (?<what>mknod|mkfifo): (?<why>[^:]+)$/s,
    aspect: "devices",
    what: ({ what, why }) => `Cannot ${what}: ${why}`,
  },
  {
    pattern: /^(?<file>.*): Cannot (?<what>create symlink|hard link) to '.*': (?<why>[^:]+)$/s,
    aspect: "links",
    what: ({ what, why }) => `Cannot ${what}: ${why}`,
  },
  {
    pattern: /^(?<file>.*): File shrank by \d+ bytes?; padding with zeros$/s,
    what: () => FILE_SHRANK,
  },
  {
    pattern:
      /^(?<file>.*): (?<what>(?:Warning: )?Cannot [\w ]+: [^:]+|socket ignored|file changed as we read it|File removed before we read it)$/s,
    what: ({ what = "" }) => what,
  },
];

interface OpenGroup extends MessageGroup {
  count: number;
  readonly files: string[];
}

/** Sorts tar's messages by what they say, and counts them exactly however many there are. */
export class MessageGroups {
  readonly #groups = new Map<string, OpenGroup>();
  readonly #limits = {
    // A limit of their own: none of the usual messages may push the first failures out.
    failure: { left: GROUPS_KEPT, passed: newGroup("other messages of tar that say Cannot") },
    other: { left: GROUPS_KEPT, passed: newGroup("other messages of tar") },
  };

  add(line: string): void {
    const { what, file, ...parts } = read(line.replace(/^(?:tar|check): /, ""));
    const group = this.#groups.get(what) ?? this.#begin(what, parts);
    group.count += 1;
    if (file !== undefined && group.files.length < FILES_NAMED) group.files.push(file);
  }

  list(): readonly MessageGroup[] {
    const { failure, other } = this.#limits;
    const passed = [failure.passed, other.passed].filter(({ count }) => count > 0);
    return [...this.#groups.values(), ...passed];
  }

  #begin(what: string, parts: Pick<MessageGroup, "aspect" | "attribute">): OpenGroup {
    const limit = FAILURE.test(what) ? this.#limits.failure : this.#limits.other;
    if (limit.left === 0) return limit.passed;
    limit.left -= 1;
    const group = { ...newGroup(what), ...parts };
    this.#groups.set(what, group);
    return group;
  }
}

function newGroup(what: string): OpenGroup {
  return { what, count: 0, files: [], aspect: undefined, attribute: undefined };
}

function read(
  said: string,
): Pick<MessageGroup, "what" | "aspect" | "attribute"> & { readonly file: string | undefined } {
  for (const { pattern, aspect, what } of FORMS) {
    const parts = pattern.exec(said)?.groups;
    if (parts === undefined) continue;
    const attribute = aspect === "attributes" ? (parts["attribute"] ?? "ACL") : undefined;
    return { what: what(parts), file: withoutDot(parts["file"]), aspect, attribute };
  }
  return { what: withoutDot(said) ?? "", file: undefined, aspect: undefined, attribute: undefined };
}

function withoutDot(path: string | undefined): string | undefined {
  return path?.replace(/^\.\//, "");
}

/** `a, b, c and 9 others: socket ignored`. */
export function groupText({ what, files, count }: MessageGroup): string {
  if (files.length === 0) return count > 1 ? `${what} (${count} times)` : what;
  return `${fileNames({ files, count })}: ${what}`;
}

/** `a, b, c and 9 others`. */
function fileNames({ files, count }: Pick<MessageGroup, "files" | "count">): string {
  const others = count - files.length;
  return files.join(", ") + (others > 0 ? ` and ${formatCount(others, "other", "others")}` : "");
}
