import { createHash } from "node:crypto";
import { PassThrough, type Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { extract, type Header } from "tar-stream";
import type { DemoEngine } from "./engine.ts";
import { SPARSE_FILE } from "./files.ts";

/**
 * The same tree gives the same bytes: names in order, nothing that depends on when or by which
 * process it was read. Holes are read as zeros, because tar would name a sparse file by its own
 * process number; what they save is asked for by `stat`.
 */
const ARCHIVE_SCRIPT = `tar --create --file=- --directory=/data --format=posix --sort=name \\
  --xattrs --xattrs-include='*' --acls --numeric-owner \\
  --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime .`;

const BYTES_PER_KIB = 1024;

/** What a volume holds, found out without any code of the product's data path. */
export interface Tree {
  /** Of the whole archive: contents and metadata of every entry. */
  readonly sha256: string;
  readonly bytes: number;
  /** A line on each entry by its name, to say what differs. */
  readonly entries: ReadonlyMap<string, string>;
  /** How many there are of each kind, odd kinds included. */
  readonly kinds: ReadonlyMap<string, number>;
  /** What the sparse file takes on the disk. */
  readonly sparseKiB: number;
}

/** Reads a volume to its end with plain GNU tar, in a container that sees nothing else. */
export async function readTree(engine: DemoEngine, image: string, volume: string): Promise<Tree> {
  const archive = { volume, readOnly: true, script: ARCHIVE_SCRIPT };
  const blocks = { volume, readOnly: true, script: `stat -c '%b %B' '/data/${SPARSE_FILE}'` };
  const tree = await engine.run(image, archive, readArchive);
  const [count = 0, size = 0] = (await engine.run(image, blocks, text)).split(" ").map(Number);
  return { ...tree, sparseKiB: (count * size) / BYTES_PER_KIB };
}

/** What differs, a line each; empty where the trees are the same. */
export function differences(before: Tree, after: Tree): readonly string[] {
  const names = new Set([...before.entries.keys(), ...after.entries.keys()]);
  const lines = [...names].flatMap((name) => {
    const [left, right] = [before.entries.get(name), after.entries.get(name)];
    if (left === right) return [];
    return `${JSON.stringify(name)}: ${left ?? "not there"} -> ${right ?? "not there"}`;
  });
  if (lines.length === 0 && before.sha256 !== after.sha256) {
    lines.push(`the archives differ: ${before.sha256} -> ${after.sha256}`);
  }
  // A file system may lay out a copy a little differently; filled holes would take megabytes.
  if (after.sparseKiB > before.sparseKiB + 64) {
    lines.push(`${SPARSE_FILE}: takes ${before.sparseKiB} KiB -> ${after.sparseKiB} KiB`);
  }
  return lines;
}

async function readArchive(stdout: Readable): Promise<Omit<Tree, "sparseKiB">> {
  const hash = createHash("sha256");
  const copy = new PassThrough();
  let bytes = 0;
  copy.on("data", (chunk: Buffer) => {
    hash.update(chunk);
    bytes += chunk.length;
  });
  const entries = new Map<string, string>();
  const kinds = new Map<string, number>();
  const reader = extract();
  const readEntries = async (): Promise<void> => {
    for await (const entry of reader) {
      const { header } = entry;
      const content = createHash("sha256");
      await pipeline(entry, content);
      entries.set(header.name, `${describe(header)} ${content.digest("hex")}`);
      for (const kind of kindsOf(header)) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
  };
  await Promise.all([pipeline(stdout, copy, reader), readEntries()]);
  return { sha256: hash.digest("hex"), bytes, entries, kinds };
}

function describe(header: Header): string {
  const { type, mode, uid, gid, size, linkname, mtime } = header;
  const link = linkname ? ` to ${linkname}` : "";
  const extended = Object.entries(paxOf(header)).map(
    ([key, value]) => ` ${key}=${JSON.stringify(value)}`,
  );
  return `${type} ${mode.toString(8)} ${uid}:${gid} ${size} ${mtime?.toISOString()}${link}${extended.join("")}`;
}

function kindsOf(header: Header): readonly string[] {
  const { type, mode } = header;
  const pax = paxOf(header);
  const keys = Object.keys(pax);
  const isSetuid = type === "file" && (mode & 0o6000) !== 0;
  return [
    TYPES[type] ?? "others",
    ...(isSetuid ? ["with a setuid bit"] : []),
    ...(keys.some((key) => key.startsWith("SCHILY.xattr.user.")) ? ["with an attribute"] : []),
    ...(keys.some((key) => key.startsWith("SCHILY.acl.")) ? ["with an ACL"] : []),
    ...(pax["mtime"]?.includes(".") ? ["with a split second"] : []),
  ];
}

const TYPES: Readonly<Record<string, string>> = {
  directory: "folders",
  file: "files",
  link: "more hard links",
  symlink: "symbolic links",
  fifo: "named pipes",
};

/** Extended headers, which tar-stream hands out and its types do not mention. */
function paxOf(header: Header): Readonly<Record<string, string>> {
  if (!("pax" in header) || typeof header.pax !== "object" || header.pax === null) return {};
  return Object.fromEntries(Object.entries(header.pax).map(([key, value]) => [key, String(value)]));
}
