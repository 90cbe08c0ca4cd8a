import type { ByteText } from "./header.ts";

const RAW = { access: "system.posix_acl_access", default: "system.posix_acl_default" } as const;
const HEADER_BYTES = 4;
const ENTRY_BYTES = 8;

const TAGS: Readonly<Record<number, string>> = {
  0x01: "user:",
  0x02: "user",
  0x04: "group:",
  0x08: "group",
  0x10: "mask:",
  0x20: "other:",
};

/** Whether an attribute is an ACL, which {@link aclText} reads. */
export function isAclAttribute(name: ByteText): boolean {
  return name === RAW.access || name === RAW.default;
}

/** What an entry has of ACLs, as texts, as attributes, or both. */
interface StoredAcls {
  readonly acl: { readonly access: ByteText; readonly default: ByteText };
  readonly xattrs: ReadonlyMap<ByteText, Buffer>;
}

/**
 * An entry's ACL in one form: by numbers where the archive has them. A text may hold names, which mean
 * other people elsewhere; the attribute that GNU tar stores beside it has numbers alone.
 */
export function aclText(entry: StoredAcls, kind: "access" | "default"): string {
  const raw = entry.xattrs.get(RAW[kind]);
  const parts = raw === undefined ? readText(entry.acl[kind]) : decode(raw);
  // An access ACL of these three alone says what the mode says, too.
  const isMode = kind === "access" && parts.every((part) => BASE.test(part));
  return isMode ? "" : parts.join(",");
}

const BASE = /^(?:user|group|other)::/;

/** A version, then for each entry tag, permissions and whose they are. */
function decode(raw: Buffer): readonly string[] {
  const parts: string[] = [];
  for (let at = HEADER_BYTES; at + ENTRY_BYTES <= raw.length; at += ENTRY_BYTES) {
    const tag = TAGS[raw.readUInt16LE(at)] ?? "?";
    const bits = raw.readUInt16LE(at + 2);
    const permissions = ["r", "w", "x"].map((letter, i) => ((bits >> (2 - i)) & 1 ? letter : "-"));
    const whose = tag.endsWith(":") ? tag : `${tag}:${raw.readUInt32LE(at + 4)}`;
    parts.push(`${whose}:${permissions.join("")}`);
  }
  return parts;
}

/** GNU tar writes an entry a line, or commas, and what is effective as a remark. */
function readText(text: ByteText): readonly string[] {
  return text
    .split(/[\n,]/)
    .map((line) => line.replace(/\s*#.*/, "").trim())
    .filter((line) => line !== "");
}
