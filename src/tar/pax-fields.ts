import { isAclAttribute } from "./acl.ts";
import {
  ACL_BYTES_MAX,
  ACL_TEXT_BYTES_MAX,
  ATTRIBUTES_MAX,
  BoundProblem,
  GLOBAL_BYTES_MAX,
} from "./bounds.ts";
import { ExtentList } from "./extents.ts";
import { HeaderProblem, type ByteText } from "./header.ts";
import { paxNumber, paxRecords, paxText, paxTimeNs } from "./pax.ts";

/** What is read of an extended header, beside attributes; comments and what other programs add are passed over. */
const KNOWN_KEYS: ReadonlySet<string> = new Set([
  "path",
  "linkpath",
  "size",
  "uid",
  "gid",
  "mtime",
  "SCHILY.acl.access",
  "SCHILY.acl.default",
  "GNU.sparse.major",
  "GNU.sparse.name",
  "GNU.sparse.realsize",
  "GNU.sparse.size",
  "GNU.sparse.map",
  "GNU.dumpdir",
]);
const XATTR = "SCHILY.xattr.";
const SPARSE_OFFSET = "GNU.sparse.offset";
const SPARSE_LENGTH = "GNU.sparse.numbytes";

/** What one extended header says: of several records of one name the last counts. */
export interface PaxHeader {
  readonly values: ReadonlyMap<string, Buffer>;
  /** Of GNU's sparse format 0.0, whose fields are the only ones that are many of one name. */
  readonly extents: ExtentList;
}

const NO_HEADER: PaxHeader = { values: new Map(), extents: new ExtentList() };

/** @throws HeaderProblem, BoundProblem */
export function readPaxHeader(header: Buffer): PaxHeader {
  const values = new Map<string, Buffer>();
  const extents = new ExtentList();
  let startBytes: number | undefined;
  for (const { key, value } of paxRecords(header)) {
    if (key.startsWith(XATTR) || KNOWN_KEYS.has(key)) values.set(key, value());
    if (values.size > KNOWN_KEYS.size + ATTRIBUTES_MAX) {
      throw new BoundProblem(`an entry has more than ${ATTRIBUTES_MAX} attributes`);
    }
    if (key !== SPARSE_OFFSET && key !== SPARSE_LENGTH) continue;
    const number = paxNumber(value(), key);
    if (startBytes !== undefined) extents.add(startBytes, number);
    startBytes = startBytes === undefined ? number : undefined;
  }
  if (startBytes === undefined) return { values, extents };
  throw new HeaderProblem("the map of a sparse file lacks its last number");
}

/** What global headers say of all entries that follow them. */
export class GlobalFields {
  readonly values = new Map<string, Buffer>();
  #bytes = 0;

  /** @throws HeaderProblem, BoundProblem */
  add({ values, extents }: PaxHeader): void {
    if (extents.length > 0) throw new HeaderProblem("a global header has the map of a sparse file");
    for (const [key, value] of values) {
      this.#bytes += sizeOf(key, value) - sizeOf(key, this.values.get(key));
      if (this.#bytes > GLOBAL_BYTES_MAX) {
        throw new BoundProblem(`global headers set more than ${GLOBAL_BYTES_MAX} bytes of fields`);
      }
      // A copy: the rest of the header is not to be kept.
      this.values.set(key, Buffer.from(value));
    }
  }
}

function sizeOf(key: string, value: Buffer | undefined): number {
  return value === undefined ? 0 : key.length + value.length;
}

/** What extended headers say of one entry; an empty field takes away what a global header says. */
export class PaxFields {
  readonly #global: ReadonlyMap<string, Buffer>;
  readonly #own: PaxHeader;

  constructor({ values }: GlobalFields, own: PaxHeader = NO_HEADER) {
    this.#global = values;
    this.#own = own;
  }

  bytes(key: string): Buffer | undefined {
    const value = this.#own.values.get(key) ?? this.#global.get(key);
    return value === undefined || value.length === 0 ? undefined : value;
  }

  text(key: string): ByteText | undefined {
    const value = this.bytes(key);
    return value === undefined ? undefined : paxText(value);
  }

  /** @throws HeaderProblem */
  number(key: string): number | undefined {
    const value = this.bytes(key);
    return value === undefined ? undefined : paxNumber(value, key);
  }

  /** @throws HeaderProblem */
  timeNs(key: string): bigint | undefined {
    const value = this.bytes(key);
    return value === undefined ? undefined : paxTimeNs(value);
  }

  /** As a text. @throws BoundProblem */
  acl(kind: "access" | "default"): ByteText {
    const value = this.bytes(`SCHILY.acl.${kind}`);
    if (value === undefined) return "";
    requireAclSize(value, ACL_TEXT_BYTES_MAX);
    return paxText(value);
  }

  /** An attribute's value may well be empty. @throws BoundProblem */
  xattrs(): ReadonlyMap<ByteText, Buffer> {
    const xattrs = new Map<ByteText, Buffer>();
    for (const values of [this.#global, this.#own.values]) {
      for (const [key, value] of values) {
        if (!key.startsWith(XATTR)) continue;
        const name = attributeName(key.slice(XATTR.length));
        if (isAclAttribute(name)) requireAclSize(value, ACL_BYTES_MAX);
        xattrs.set(name, value);
      }
    }
    return xattrs;
  }

  /** The map of a file in GNU's sparse format 0.0. */
  extents(): ExtentList {
    return this.#own.extents;
  }
}

function requireAclSize({ length }: Buffer, bytesMax: number): void {
  if (length > bytesMax) throw new BoundProblem(`there is an ACL of ${length} bytes`);
}

/** An equals sign would end the record's key, so GNU tar writes it another way. */
function attributeName(encoded: ByteText): ByteText {
  return encoded.replaceAll("%3D", "=").replaceAll("%25", "%");
}
