import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pack, type Header, type Pack } from "tar-stream";

const LARGEST_FILE_BYTES = 256 << 10;
const MOST_FILES = 5000;

const BLOCK_BYTES = 512;
const SPARSE_FILE_BYTES = 32 << 20;

/** Its holes are compared apart. */
export const SPARSE_FILE = "odd/sparse.img";

/** What the second volume holds before the restore. */
export const OLD_FILES = ["index.html", "a file that only the old contents have"];

/** Takes a tar stream from stdin into the volume; then adds a name that no text can spell. */
export const UNPACK_SCRIPT = `tar --extract --file=- --directory=/data --numeric-owner \\
  --xattrs --xattrs-include='*' --acls --preserve-permissions &&
: >"$(printf '/data/odd/not UTF-8: \\377\\376')"`;

interface DemoEntry extends Partial<Omit<Header, "pax">> {
  readonly name: string;
  /** Extended headers; owners too large for a plain one belong here, too. */
  readonly pax?: Readonly<Record<string, string>>;
  readonly content?: Buffer | string;
}

/**
 * Archives a folder's files, the large ones left out, as `project/`, and beside them a file of
 * every odd kind as `odd/`.
 */
export function packDemoFiles(folder: string): Readable {
  return packing(async (archive) => {
    // The volume's root directory has an owner and a mode of its own.
    await add(archive, { name: "./", type: "directory", mode: 0o2750, uid: 1000, gid: 999 });
    await addFolder(archive, folder, "project", { left: MOST_FILES });
    for (const entry of oddEntries()) await add(archive, entry);
  });
}

/** Archives what the second volume holds at first. */
export function packOldFiles(): Readable {
  return packing(async (archive) => {
    for (const name of OLD_FILES) await add(archive, { name, content: "old\n" });
  });
}

function packing(fill: (archive: Pack) => Promise<void>): Readable {
  const archive = pack();
  fill(archive).then(
    () => archive.finalize(),
    (error: unknown) => archive.destroy(error instanceof Error ? error : undefined),
  );
  return Readable.from(archive);
}

/** Resolves when the entry is on its way, so that the archive never waits in memory. */
async function add(archive: Pack, { content = "", ...headers }: DemoEntry): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  archive.entry(headers, content, (error) => (error ? reject(error) : resolve()));
  await promise;
}

async function addFolder(
  archive: Pack,
  folder: string,
  name: string,
  budget: { left: number },
): Promise<void> {
  const { mode, mtime } = await lstat(folder);
  await add(archive, { name: `${name}/`, type: "directory", mode, mtime });
  for (const child of (await readdir(folder)).toSorted()) {
    const file = join(folder, child);
    const path = `${name}/${child}`;
    const stats = await lstat(file);
    const headers = { name: path, mode: stats.mode, mtime: stats.mtime };
    if (stats.isDirectory()) {
      await addFolder(archive, file, path, budget);
    } else if (stats.isSymbolicLink()) {
      await add(archive, { ...headers, type: "symlink", linkname: await readlink(file) });
    } else if (stats.isFile() && stats.size <= LARGEST_FILE_BYTES && budget.left > 0) {
      budget.left -= 1;
      await add(archive, { ...headers, content: await readFile(file) });
    }
  }
}

function oddEntries(): readonly DemoEntry[] {
  const text = "a file of the demo\n";
  return [
    { name: "odd/", type: "directory", mode: 0o1777 },
    { name: "odd/empty folder/", type: "directory" },
    { name: "odd/linked", content: text },
    { name: "odd/linked again", type: "link", linkname: "odd/linked" },
    { name: "odd/and again", type: "link", linkname: "odd/linked" },
    { name: "odd/dangling", type: "symlink", linkname: "no/such/file" },
    { name: "odd/absolute", type: "symlink", linkname: "/etc/hostname" },
    { name: "odd/setuid", mode: 0o4755, uid: 1234, gid: 5678, content: text },
    { name: "odd/owner", pax: { uid: "4000000000", gid: "2000000" }, content: text },
    { name: "odd/new\nline", content: text },
    { name: "odd/-rf * $HOME 'é' 漢", content: text },
    { name: "odd/pipe", type: "fifo", mode: 0o622 },
    { name: "odd/to the nanosecond", content: text, pax: { mtime: "1234567890.123456789" } },
    { name: "odd/before 1970", content: text, pax: { mtime: "-86400.000000001" } },
    { name: "odd/attribute", content: text, pax: { "SCHILY.xattr.user.note": "hello" } },
    { name: "odd/acl", mode: 0o640, content: text, pax: { "SCHILY.acl.access": ACL } },
    sparseFile(),
  ];
}

const ACL = "user::rw-\nuser:4242:rwx\ngroup::r--\nmask::rwx\nother::---\n";

/** Two blocks of data far apart, in GNU tar's own way to say so (format 1.0 of "sparse"). */
function sparseFile(): DemoEntry {
  const data = Buffer.alloc(4096, "data");
  const pieces = [
    [4 << 20, data.length],
    [SPARSE_FILE_BYTES - data.length, data.length],
  ];
  const map = [pieces.length, ...pieces.flat()].map((number) => `${number}\n`).join("");
  const content = Buffer.concat([Buffer.alloc(BLOCK_BYTES), data, data]);
  content.write(map);
  return {
    name: "odd/GNUSparseFile.0/sparse.img",
    content,
    pax: {
      "GNU.sparse.major": "1",
      "GNU.sparse.minor": "0",
      "GNU.sparse.name": SPARSE_FILE,
      "GNU.sparse.realsize": String(SPARSE_FILE_BYTES),
    },
  };
}
