import { createHash } from "node:crypto";
import { aclText, isAclAttribute } from "./acl.ts";
import { contentDigest, ZERO_DIGEST } from "./digest.ts";
import type { EntryType, TarEntry } from "./entries.ts";
import type { ByteText } from "./header.ts";

/** All of an entry that a comparison looks at. */
export interface EntryRecord {
  readonly type: EntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly sizeBytes: number;
  /** {@link contentDigest}'s. */
  readonly digest: string;
  /** What few entries have, as JSON; empty for most. */
  readonly details: string;
}

interface Details {
  readonly target?: ByteText;
  readonly device?: string;
  readonly access?: string;
  readonly default?: string;
  /** A value in hexadecimal, or its digest where that is shorter. */
  readonly xattrs?: Readonly<Record<ByteText, string>>;
}

/** Belongs to the host, not to the data: no snapshot of ours carries it, and a copy has another. */
const SELINUX_LABEL = "security.selinux";
const SHOWN_VALUE_BYTES = 32;

/** Reads an entry's content. */
export async function recordOf(entry: TarEntry): Promise<EntryRecord> {
  const { type, uid, gid, mtimeNs, sizeBytes } = entry;
  const digest = sizeBytes === 0 ? ZERO_DIGEST : await contentDigest(entry.data());
  // 64 bits are what a file system has.
  const time = BigInt.asIntN(64, mtimeNs);
  // A symbolic link's means nothing, no file system keeps it, and each program stores another.
  const mode = type === "symlink" ? 0o777 : entry.mode;
  return { type, mode, uid, gid, mtimeNs: time, sizeBytes, digest, details: detailsOf(entry) };
}

function detailsOf(entry: TarEntry): string {
  const { linkTarget, device, xattrs } = entry;
  const [access, defaultAcl] = [aclText(entry, "access"), aclText(entry, "default")];
  const attributes = [...xattrs]
    .filter(([name]) => name !== SELINUX_LABEL && !isAclAttribute(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => [name, shownValue(value)] as const);
  const details: Details = {
    ...(linkTarget === "" ? {} : { target: linkTarget }),
    ...(device === undefined ? {} : { device: `${device.major}:${device.minor}` }),
    ...(access === "" ? {} : { access }),
    ...(defaultAcl === "" ? {} : { default: defaultAcl }),
    ...(attributes.length === 0 ? {} : { xattrs: Object.fromEntries(attributes) }),
  };
  const json = JSON.stringify(details);
  return json === "{}" ? "" : json;
}

function shownValue(value: Buffer): string {
  return value.length <= SHOWN_VALUE_BYTES
    ? `0x${value.toString("hex")}`
    : `sha256:${createHash("sha256").update(value).digest("hex")}`;
}

/** One thing in which two entries of one path differ. */
export interface EntryChange {
  /** `mode`, `owner`, `attribute user.x`, ... */
  readonly what: string;
  /** `undefined` where there was none. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export function isSameRecord(a: EntryRecord, b: EntryRecord): boolean {
  return (
    a.type === b.type &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid &&
    a.mtimeNs === b.mtimeNs &&
    a.sizeBytes === b.sizeBytes &&
    a.digest === b.digest &&
    a.details === b.details
  );
}

/** In what two entries differ, what matters most first. */
export function recordChanges(a: EntryRecord, b: EntryRecord): readonly EntryChange[] {
  const [left, right] = [parseDetails(a.details), parseDetails(b.details)];
  const bothFiles = a.type === "file" && b.type === "file";
  return [
    ...change("type", a.type, b.type),
    ...(bothFiles ? change("size", String(a.sizeBytes), String(b.sizeBytes)) : []),
    ...(bothFiles ? change("content", hex(a.digest), hex(b.digest)) : []),
    ...change("target", left.target, right.target),
    ...change("device", left.device, right.device),
    ...change("mode", octal(a.mode), octal(b.mode)),
    ...change("owner", `${a.uid}:${a.gid}`, `${b.uid}:${b.gid}`),
    ...change("ACL", left.access, right.access),
    ...change("default ACL", left.default, right.default),
    ...attributeChanges(left.xattrs ?? {}, right.xattrs ?? {}),
    ...change("time", timeText(a.mtimeNs), timeText(b.mtimeNs)),
  ];
}

export function change(
  what: string,
  before: string | undefined,
  after: string | undefined,
): readonly EntryChange[] {
  return before === after ? [] : [{ what, before, after }];
}

function attributeChanges(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): readonly EntryChange[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names]
    .toSorted()
    .flatMap((name) => change(`attribute ${name}`, before[name], after[name]));
}

function parseDetails(details: string): Details {
  if (details === "") return {};
  const parsed: Details = JSON.parse(details);
  return parsed;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

function hex(digest: string): string {
  return Buffer.from(digest, "latin1").toString("hex");
}

const SECOND_NS = 1_000_000_000n;

/** `2026-11-23T02:15:40.123456789Z`, to the nanosecond. */
export function timeText(mtimeNs: bigint): string {
  const fraction = ((mtimeNs % SECOND_NS) + SECOND_NS) % SECOND_NS;
  const seconds = (mtimeNs - fraction) / SECOND_NS;
  const time = new Date(Number(seconds) * 1000);
  if (Number.isNaN(time.getTime())) return `${seconds} s`;
  const digits = fraction === 0n ? "" : `.${fraction.toString().padStart(9, "0")}`;
  return time.toISOString().replace(/\.\d+Z$/, `${digits}Z`);
}
