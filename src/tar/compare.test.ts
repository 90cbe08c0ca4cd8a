/** Two archives of trees that differ in known ways; GNU tar packs them in any order. */
import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after as afterAll, before as beforeAll, test } from "node:test";
import fc from "fast-check";
import { compareEntries, type EntryDifference } from "./compare.ts";
import { contentDigest, ZERO_DIGEST } from "./digest.ts";
import { TarReader, type DataPiece } from "./entries.ts";
import { EntryIndex } from "./index.ts";
import { entryPath } from "./path.ts";
import type { EntryRecord } from "./record.ts";
import { run } from "../../test/oracle/host.ts";
import { makeOddTree, removeTree } from "../../test/oracle/tree.ts";
import { inChunks } from "../../test/fixtures/tar-streams.ts";

const skip = process.getuid?.() !== 0 && "owners, attributes and devices need root";
const FAITHFUL = ["--format=posix", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner"];

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dockform-compare-"));
});
afterAll(() => removeTree(folder));

async function pack(tree: string, options: readonly string[] = ["--sparse"]): Promise<Buffer> {
  return run("tar", ["-C", tree, ...FAITHFUL, ...options, "-cf", "-", "."]);
}

async function compare(
  before: Buffer,
  after: Buffer,
  leaveOut?: (path: string) => boolean,
): Promise<readonly EntryDifference[]> {
  const [a, b] = [before, after].map((tar) => new TarReader(inChunks(tar), "an archive").entries());
  assert.ok(a && b);
  return compareEntries(a, b, leaveOut);
}

/** `path: what before -> after` for each change. */
function lines(differences: readonly EntryDifference[]): readonly string[] {
  return differences.flatMap(({ path, kind, type, changes }) =>
    kind === "changed"
      ? changes.map(({ what, before, after }) => `${path}: ${what} ${before} -> ${after}`)
      : [`${path}: ${kind} ${type}`],
  );
}

/** Makes two trees by two scripts, the first of which makes both. */
async function trees(name: string, make: string, then: string): Promise<[string, string]> {
  const [a, b] = [join(folder, `${name}-a`), join(folder, `${name}-b`)];
  for (const tree of [a, b]) {
    await run("mkdir", [tree]);
    await run("sh", ["-euc", make], { cwd: tree });
  }
  await run("sh", ["-euc", then], { cwd: b });
  for (const tree of [a, b]) await run("sh", ["-euc", SAME_TIMES], { cwd: tree });
  return [a, b];
}

const SAME_TIMES = "find . ! -name other-time -exec touch -h -d @1700000000.123456789 {} +";

test("a tree is like itself in whatever order and sparse form it is packed", { skip }, async () => {
  const tree = join(folder, "odd");
  await makeOddTree(tree, { smallFiles: 50 });
  const first = await pack(tree);
  // In this order other names of a hard link come first.
  const second = await pack(tree, ["--sparse", "--sort=name", "--sparse-version=0.1"]);
  assert.notDeepEqual(first, second);
  assert.deepEqual(lines(await compare(first, second)), []);
});

test("holes and zeros are the same content", async () => {
  const [a, b] = await trees(
    "holes",
    "truncate -s 3M file; echo x | dd of=file bs=1 seek=1500000 conv=notrunc status=none",
    "cp --sparse=never file full; mv full file",
  );
  assert.deepEqual(lines(await compare(await pack(a), await pack(b, []))), []);
});

test("each way to differ is told, and nothing else", { skip }, async () => {
  const [a, b] = await trees(
    "each",
    `echo text >content; echo text >longer; echo text >mode; echo text >owner; echo text >attribute
     echo text >acl; setfacl -m u::rw acl; echo text >other-time; touch -d @5.5 other-time; echo text >gone; mkdir folder
     ln -s there link; echo text >type; mknod device c 1 3; setfattr -n user.same -v 1 attribute
     setfattr -n user.old -v 1 attribute; echo text >one; ln one two; echo text >three; ln one four`,
    `echo TEXT >content; echo more >>longer; chmod 4755 mode; chown 5:6 owner
     setfattr -x user.old attribute; setfattr -n user.new -v 0x00ff attribute
     setfacl -m u:7:r acl; touch -d @5.6 other-time; rm gone; mkdir new; ln -sf elsewhere link
     rm type; mkdir type; rm device; mknod device c 1 5; rm two; cp one two; setfacl -d -m u:7:r folder`,
  );
  const found = lines(await compare(await pack(a), await pack(b)));
  assert.deepEqual(
    found.map((line) => line.replaceAll(/[0-9a-f]{32}/g, "DIGEST")),
    [
      "acl: ACL undefined -> user::rw-,user:7:r--,group::r--,mask::r--,other::r--",
      "attribute: attribute user.new undefined -> 0x00ff",
      "attribute: attribute user.old 0x31 -> undefined",
      "content: content DIGEST -> DIGEST",
      "device: device 1:3 -> 1:5",
      "folder: default ACL undefined -> user::rwx,user:7:r--,group::r-x,mask::r-x,other::r-x",
      "gone: removed file",
      "link: target there -> elsewhere",
      "longer: size 5 -> 10",
      "longer: content DIGEST -> DIGEST",
      "mode: mode 0644 -> 4755",
      "new: added folder",
      "other-time: time 1970-01-01T00:00:05.500000000Z -> 1970-01-01T00:00:05.600000000Z",
      "owner: owner 0:0 -> 5:6",
      "two: hard link to four -> undefined",
      "type: type file -> folder",
      "type: mode 0644 -> 0755",
    ],
  );
});

test("what is left out is left out on both sides", async () => {
  const [a, b] = await trees("ignored", "mkdir .own; echo a >.own/x; echo a >b", "echo b >.own/y");
  const without = await compare(await pack(a), await pack(b), (path) => path.startsWith(".own"));
  assert.deepEqual(lines(without), []);
  assert.deepEqual(lines(await compare(await pack(a), await pack(b))), [".own/y: added file"]);
});

test("of entries of one path the last one counts", async () => {
  const [a, b] = await trees("twice", "echo a >file; echo b >other", "true");
  const twice = await run("tar", [
    "-C",
    b,
    ...FAITHFUL,
    "-cf",
    "-",
    ".",
    "--hard-dereference",
    "--transform=s,^other$,file,",
    "other",
  ]);
  const found = lines(await compare(await pack(a), twice));
  assert.deepEqual(
    found.map((line) => line.split(" ").slice(0, 2).join(" ")),
    ["file: content"],
  );
});

test("paths are one however they are written", () => {
  const spellings = {
    "./a/b/": "a/b",
    "/a/b": "a/b",
    "a//./b": "a/b",
    "./": ".",
    "": ".",
    "..": "..",
    "a/../b": "a/../b",
    ".a/b.": ".a/b.",
    "a/.": "a",
  };
  for (const [stored, path] of Object.entries(spellings)) assert.equal(entryPath(stored), path);
});

// --- digest and index as values ---

const bytes = fc
  .array(fc.tuple(fc.boolean(), fc.integer({ min: 1, max: 9000 })), { maxLength: 8 })
  .map((runs) => Buffer.concat(runs.map(([zero, length]) => Buffer.alloc(length, zero ? 0 : 7))));

test("a digest does not depend on pieces, nor on which zeros are holes; all else changes it", async () => {
  await fc.assert(
    fc.asyncProperty(
      bytes,
      fc.integer({ min: 1, max: 10_000 }),
      fc.nat(),
      async (content, piece, place) => {
        const expected = await contentDigest(pieces(content, content.length, false));
        assert.equal(await contentDigest(pieces(content, piece, false)), expected);
        assert.equal(await contentDigest(pieces(content, piece, true)), expected);
        if (content.length === 0) return;
        const other = Buffer.from(content);
        const at = place % content.length;
        other.writeUInt8(other.readUInt8(at) ^ 1, at);
        assert.notEqual(await contentDigest(pieces(other, piece, false)), expected);
      },
    ),
    { numRuns: 200 },
  );
  assert.equal(await contentDigest(pieces(Buffer.alloc(10_000), 999, false)), ZERO_DIGEST);
});

async function* pieces(
  content: Buffer,
  length: number,
  skipZeros: boolean,
): AsyncGenerator<DataPiece> {
  for (let at = 0; at < content.length; at += length) {
    const piece = content.subarray(at, at + length);
    if (!skipZeros || piece.some((byte) => byte !== 0)) yield { positionBytes: at, bytes: piece };
  }
}

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const record: fc.Arbitrary<EntryRecord> = fc.record(
  {
    type: fc.constantFrom("file", "folder", "symlink", "hardlink", "fifo", "char", "block"),
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: uint32,
    gid: uint32,
    mtimeNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    sizeBytes: fc.maxSafeNat(),
    digest: fc
      .uint8Array({ minLength: 16, maxLength: 16 })
      .map((b) => Buffer.from(b).toString("latin1")),
    details: fc.constantFrom("", '{"target":"a"}'),
  },
  { noNullPrototype: true },
);
const byteText = fc.uint8Array({ maxLength: 30 }).map((b) => Buffer.from(b).toString("latin1"));

test("the index answers as a map does", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(byteText, record), { maxLength: 3000, size: "max" }), (all) => {
      const [index, map] = [new EntryIndex(), new Map<string, EntryRecord>()];
      for (const [path, value] of all) {
        const number = index.set(path, value);
        map.set(path, value);
        assert.equal(index.path(number), path);
      }
      assert.equal(index.size, map.size);
      for (const [path, value] of map) {
        const number = index.find(path);
        assert.ok(number !== undefined);
        assert.deepEqual(index.record(number), value);
      }
      assert.equal(index.find("not there, for it is longer than any"), undefined);
    }),
    { numRuns: 20 },
  );
});
