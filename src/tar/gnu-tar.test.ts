/** What GNU tar of this machine writes is read as what the tree is. The judge is the oracle. */
import assert from "node:assert/strict";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { entryPath } from "./path.ts";
import { attempt, run } from "../../test/oracle/host.ts";
import { describeTree, makeOddTree, removeTree, type TreeEntry } from "../../test/oracle/tree.ts";
import { ORIGINAL_SNAPSHOTS } from "../../test/fixtures/original.ts";
import {
  CONTENT_BYTES_MAX,
  readTar,
  readTarZst,
  sha256,
  type ReadEntry,
} from "../../test/fixtures/tar-streams.ts";

const skip = process.getuid?.() !== 0 && "an odd tree needs root";
const FAITHFUL = ["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner", "--sparse"];

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "dockform-tar-"));
  if (skip === false) await makeOddTree(join(folder, "tree"), { smallFiles: 50 });
});
after(() => removeTree(folder));

interface Form {
  readonly name: string;
  readonly options: readonly string[];
  /** What the form cannot say. */
  readonly lacks: readonly string[];
}

const FORMS: readonly Form[] = [
  { name: "pax, as snapshots are", options: ["--format=posix", ...FAITHFUL], lacks: [] },
  {
    name: "pax with sparse format 0.0",
    options: ["--format=posix", "--sparse-version=0.0", ...FAITHFUL],
    lacks: [],
  },
  {
    name: "pax with sparse format 0.1",
    options: ["--format=posix", "--sparse-version=0.1", ...FAITHFUL],
    lacks: [],
  },
  {
    name: "GNU",
    options: ["--format=gnu", "--sparse", "--numeric-owner"],
    lacks: ["xattrs", "fraction"],
  },
];

for (const { name, options, lacks } of FORMS) {
  test(`GNU tar's archive is read as the tree is: ${name}`, { skip }, async () => {
    const tree = join(folder, "tree");
    const { stdout, stderr } = await attempt("tar", ["-C", tree, ...options, "-cf", "-", "."]);
    assert.doesNotMatch(stderr, /Cannot|error/i);
    const expected = await describeTree(tree, { sockets: false });
    const entries = await readTar(stdout, [7001, 513, 512]);
    assert.deepEqual(
      described(entries, lacks),
      expected.map((entry) => wanted(entry, lacks)),
    );
  });
}

test("ustar, which has prefixes in place of long names, is read as the tree is", async () => {
  const long = join(folder, "long");
  const name = `${"a".repeat(60)}/${"b".repeat(60)}/${"c".repeat(60)}`;
  await run("mkdir", ["-p", join(long, name)]);
  await run("sh", ["-c", 'echo text >"$1/file"', "sh", join(long, name)]);
  const tar = await run("tar", ["-C", long, "--format=ustar", "--numeric-owner", "-cf", "-", "."]);
  const expected = await describeTree(long);
  const entries = await readTar(tar);
  assert.deepEqual(
    described(entries, ["fraction"]),
    expected.map((entry) => wanted(entry, ["fraction"])),
  );
});

for (const snapshot of ORIGINAL_SNAPSHOTS) {
  test(`a snapshot of the original is read as the tree was: ${snapshot.volume}`, async () => {
    const data = await readFile(snapshot.archive);
    const entries = await (snapshot.archive.endsWith(".tar") ? readTar(data) : readTarZst(data));
    const lacks = snapshot.volume === "from-busybox-tar" ? ["xattrs"] : [];
    const expected = (await snapshot.tree()).map((entry) => wanted(entry, lacks));
    assert.deepEqual(described(entries, lacks), expected);
  });
}

test("global pax headers, comments of git among them, hold for all entries after them", async () => {
  const tree = join(folder, "global");
  await run("mkdir", ["-p", tree]);
  await run("sh", ["-c", "echo text >file && echo text >other", "sh"], { cwd: tree });
  const options = ["--format=posix", "--pax-option=globexthdr.name=g,comment=hello,mtime=1.5"];
  // Whole seconds need no header of the entry's own, which would win.
  const files = ["--mtime=@7", "file", "other"];
  const tar = await run("tar", ["-C", tree, ...options, "-cf", "-", ...files]);
  const entries = await readTar(tar);
  assert.deepEqual(
    entries.map(({ path, mtimeNs }) => [path, mtimeNs]),
    [
      ["file", 1_500_000_000n],
      ["other", 1_500_000_000n],
    ],
  );
});

/** What of the oracle's description an archive can say. */
function wanted(entry: TreeEntry, lacks: readonly string[]): Record<string, unknown> {
  const {
    path,
    type,
    mode,
    uid,
    gid,
    mtime,
    xattrs,
    link,
    size,
    sha256: digest,
    target,
    rdev,
  } = entry;
  const isLarge = size !== undefined && size > CONTENT_BYTES_MAX;
  return withoutUndefined({
    path,
    type,
    // A link's permissions mean nothing, and older formats do not have them.
    mode: type === "symlink" ? undefined : mode,
    uid,
    gid,
    mtime: lacks.includes("fraction") ? wholeSeconds(mtime) : mtime,
    // Devices and pipes are archived once for each name.
    link: ["file", "symlink"].includes(type) ? link : undefined,
    xattrs: lacks.includes("xattrs") ? {} : xattrs,
    size,
    sha256: isLarge ? undefined : digest,
    target,
    rdev,
  });
}

function described(
  entries: readonly ReadEntry[],
  lacks: readonly string[],
): readonly Record<string, unknown>[] {
  const paths = new Map(entries.map((entry) => [entryPath(entry.path), entry]));
  const groups = Map.groupBy(entries, (entry) =>
    entryPath(entry.type === "hardlink" ? entry.linkTarget : entry.path),
  );
  const firsts = new Map(
    [...groups]
      .filter(([, names]) => names.length > 1)
      .map(([key, names]) => [key, names.map((entry) => entryPath(entry.path)).toSorted()[0]]),
  );
  return [...paths]
    .map(([path, entry]) => {
      const key = entry.type === "hardlink" ? entryPath(entry.linkTarget) : path;
      const data = entry.type === "hardlink" ? paths.get(key) : entry;
      assert.ok(data !== undefined, `${path} is a link to ${key}, which is not there`);
      const first = firsts.get(key);
      return withoutUndefined({
        path: oraclePath(path),
        type: data.type === "folder" ? "directory" : data.type,
        mode: data.type === "symlink" ? undefined : data.mode,
        uid: data.uid,
        gid: data.gid,
        mtime: String(data.mtimeNs),
        link: first === undefined ? undefined : oraclePath(first),
        xattrs: lacks.includes("xattrs") ? {} : sorted(data.xattrs),
        size: data.type === "file" ? data.sizeBytes : undefined,
        sha256:
          data.type === "file" && data.sizeBytes <= CONTENT_BYTES_MAX
            ? sha256(data.content)
            : undefined,
        target: data.type === "symlink" ? data.linkTarget : undefined,
        rdev: data.device && `${data.device.major}:${data.device.minor}`,
      });
    })
    .toSorted((a, b) => (String(a["path"]) < String(b["path"]) ? -1 : 1));
}

function oraclePath(path: string): string {
  return path === "." ? path : `./${path}`;
}

function sorted(record: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(record).filter(([name]) => name !== "security.selinux");
  return Object.fromEntries(kept.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function withoutUndefined(record: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));
}

function wholeSeconds(mtime: string): string {
  const nanoseconds = BigInt(mtime);
  const fraction = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return String(nanoseconds - fraction);
}
