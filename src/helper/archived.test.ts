import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { archivedOutcome, shortcomings } from "./archived.ts";
import { MessageGroups } from "./message-groups.ts";
import type { HelperReply } from "./reply.ts";

const WRITTEN = "Total bytes written: 10240 (10KiB, 71MiB/s)";

function reply(
  messages: readonly string[],
  facts: Readonly<Record<string, string>> = {},
): HelperReply {
  const statuses = { tar_status: "0", zstd_status: "0", looked_status: "0", listened: "1" };
  const all = { ...statuses, files: "2", entries: "3", ...facts };
  const groups = new MessageGroups();
  for (const message of messages) groups.add(message);
  return { status: 0, facts: new Map(Object.entries(all)), messages, groups: groups.list() };
}

const CHANGED = { tar_status: "1" };

test("a clean run has counts and no remarks", () => {
  const counts = { symlinks: "4", hard_links: "0", devices: "1", fifos: "0" };
  const marks = { attributes: "5", acls: "6", owners: "0/0,33/7,33/7,0/0" };
  const facts = { ...counts, ...marks, "attribute_security.NTACL": "5" };
  assert.deepEqual(archivedOutcome(reply([WRITTEN], facts)), {
    tarBytes: 10240,
    files: 2,
    entries: 3,
    holds: {
      owners: ["0:0", "33:7"],
      attributes: 5,
      acls: 6,
      devices: 1,
      fifos: 0,
      symlinks: 4,
      hard_links: 0,
    },
    unusualAttributes: new Map([["security.NTACL", 5]]),
    remarks: [],
    failure: undefined,
  });
});

test("files that changed, shrank or vanished are remarks, and shortcomings", () => {
  const messages = [
    "tar: ./log: file changed as we read it",
    "tar: ./short: File shrank by 12 bytes; padding with zeros",
    "tar: ./gone: File removed before we read it",
  ];
  const { failure, remarks } = archivedOutcome(reply([...messages, WRITTEN], CHANGED));
  assert.equal(failure, undefined);
  const texts = [
    "log: file changed as we read it",
    "short: File shrank while it was read; what was missing is stored as zeros",
    "gone: File removed before we read it",
  ];
  assert.deepEqual(
    remarks,
    texts.map((text) => ({ kind: "changed", text })),
  );
  assert.deepEqual(shortcomings(remarks), texts);
});

test("one remark of a kind, with a count and the first names", () => {
  const sockets = Array.from({ length: 12 }, (_, i) => `tar: ./${i}: socket ignored`);
  const { failure, remarks } = archivedOutcome(reply([...sockets, WRITTEN]));
  assert.equal(failure, undefined);
  assert.deepEqual(remarks, [{ kind: "left out", text: "0, 1, 2 and 9 others: socket ignored" }]);
  assert.deepEqual(shortcomings(remarks), []);
});

test("paths too long for tar, and file systems inside, are shortcomings", () => {
  const { failure, remarks } = archivedOutcome(reply([WRITTEN], { too_long: "4", mounted: "sub" }));
  assert.equal(failure, undefined);
  assert.deepEqual(shortcomings(remarks), [
    "4 paths are longer than 4,095 bytes: they are in the archive, but tar cannot extract them",
    "sub is the mount point of another file system; it is in the archive, too",
  ]);
});

test("holes that are stored as zeros are said, and are no shortcoming", () => {
  const filled = { filled: "2 5000000 images/disk one" };
  const { remarks } = archivedOutcome(reply([WRITTEN], filled));
  assert.deepEqual(remarks, [
    {
      kind: "note",
      text: "images/disk one and 1 other: holes are stored as zeros, 5.0 MB, since the file system leaves out the blocks of other files",
    },
  ]);
  assert.deepEqual(shortcomings(remarks), []);
});

test("a name that holds what ends a line elsewhere is said whole", () => {
  const { remarks } = archivedOutcome(reply([WRITTEN], { filled: "1 5000 a\rb\u2028c" }));
  assert.match(remarks[0]?.text ?? "", /^a\rb\u2028c: holes are stored as zeros/);
});

/** All that GNU tar 1.34 and 1.35 may say when it creates an archive with our options, and the helper of it. */
const FAILURES = [
  "check: ./db.sqlite: Cannot read: Input/output error after 299008 bytes",
  "check: ./a: Cannot read: it ended early, though nothing has changed it",
  "check: ./a: Cannot open: it is there, but opening it says that it is not",
  "check: ./a: Cannot read its attributes: Input/output error",
  "check: a: Cannot look for its holes: Input/output error",
  "check: a: Cannot store it: it holds data, but its file system counts no blocks of it",
  "tar: ./a: Read error at byte 0, while reading 512 bytes: Input/output error",
  "tar: ./a: Warning: Read error at byte 0, while reading 512 bytes: Input/output error",
  "tar: ./a: Cannot open: Permission denied",
  "tar: ./a: Cannot stat: Stale file handle",
  "tar: ./a: Cannot savedir: Input/output error",
  "tar: ./a: Cannot readlink: Input/output error",
  "tar: ./a: Cannot seek to 4096: Input/output error",
  "tar: ./a: Cannot close: Input/output error",
  "tar: a: Warning: Cannot flistxattr: Input/output error",
  "tar: a: Warning: Cannot acl_to_text: Cannot allocate memory",
  "tar: ./a: Unknown file type; file ignored",
  "tar: ./a: door ignored",
  "tar: ./a: file is the archive; not dumped",
  "tar: ./a: file is unchanged; not dumped",
  "tar: ./a: file is on a different filesystem; not dumped",
  "tar: ./a: contains a cache directory tag CACHEDIR.TAG; contents not dumped",
  "tar: ./a: file name is too long (max 100); not dumped",
  "tar: ./a: link name is too long; not dumped",
  "tar: ./a: Directory has been renamed",
  "tar: ./a: Was unable to backup this file",
  "tar: POSIX ACL support is not available",
  "tar: XATTR support is not available",
  "tar: Missing links to 'a'.",
  "tar: value 1e30 out of uid_t range 0..4294967295",
  "tar: -: Wrote only 4096 of 61440 bytes",
  "tar: Removing leading `/' from member names",
  "tar: memory exhausted",
  "Killed",
];

test("whatever else tar says is a failure that says what, whatever its status", () => {
  for (const message of FAILURES) {
    for (const status of ["0", "1", "2"]) {
      const others = ["tar: ./b: file changed as we read it", "tar: ./s: socket ignored"];
      const said = reply([...others, message, WRITTEN], { tar_status: status });
      const text = message.replace(/^(?:tar|check): (?:\.\/)?/, "");
      assert.equal(archivedOutcome(said).failure, text);
    }
  }
});

test("no message that is unknown passes for harmless", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: "binary-ascii" }), (said) => {
      const message = `tar: ./a: ${said.replaceAll("\n", " ")} not dumped`;
      assert.ok(archivedOutcome(reply([message, WRITTEN], CHANGED)).failure);
    }),
  );
});

test("a thousand unknown messages and more are none of them lost", () => {
  const many = Array.from({ length: 3000 }, (_, i) => `tar: ./${i}: changed ${i}`);
  const { failure } = archivedOutcome(reply([...many, WRITTEN], CHANGED));
  assert.ok(failure);
});

test("status 1 without a word why is a failure", () => {
  assert.equal(archivedOutcome(reply([WRITTEN], CHANGED)).failure, "tar ended with status 1");
});

test("what died before it could tell how it ended has not succeeded", () => {
  for (const fact of ["tar_status", "zstd_status", "entries", "listened"]) {
    const whole = reply([WRITTEN]);
    const facts = new Map([...whole.facts].filter(([name]) => name !== fact));
    assert.ok(archivedOutcome({ ...whole, facts }).failure, fact);
  }
  assert.ok(archivedOutcome(reply([WRITTEN], { looked_status: "137" })).failure);
  assert.ok(archivedOutcome(reply([])).failure);
  assert.ok(archivedOutcome({ ...reply([WRITTEN]), status: 1 }).failure);
});
