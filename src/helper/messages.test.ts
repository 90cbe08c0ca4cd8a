import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageGroups, type MessageGroup } from "./message-groups.ts";
import { tarOutcome } from "./messages.ts";
import type { HelperReply } from "./reply.ts";

function reply(
  messages: readonly string[],
  facts: Readonly<Record<string, string>> = {},
): HelperReply {
  const all = { tar_status: "0", zstd_status: "0", files: "2", entries: "3", ...facts };
  const groups = new MessageGroups();
  for (const message of messages) groups.add(message);
  return { status: 0, facts: new Map(Object.entries(all)), messages, groups: groups.list() };
}

const WRITTEN = "Total bytes written: 10240 (10KiB, 71MiB/s)";
const READ = "Total bytes read: 10240 (10KiB, 71MiB/s)";

test("a clean run has counts and no remarks", () => {
  assert.deepEqual(tarOutcome(reply([WRITTEN]), "create"), {
    tarBytes: 10240,
    files: 2,
    entries: 3,
    markedEnd: false,
    goesOn: false,
    remarks: [],
    leftOut: [],
    failure: undefined,
  });
});

test("a stream that was read is as long as its blocks, whatever tar's sum of records is", () => {
  const ends = { marked_end: "0", after_end: "1", blocks: "21" };
  const outcome = tarOutcome(reply([READ], ends), "read");
  assert.equal(outcome.tarBytes, 10_752);
  assert.deepEqual([outcome.markedEnd, outcome.goesOn], [false, true]);
});

test("files that changed are remarks when archiving and a failure when reading", () => {
  const changed = ["tar: ./log: file changed as we read it", WRITTEN];
  const outcome = tarOutcome(reply(changed, { tar_status: "1" }), "create");
  assert.deepEqual(outcome.remarks, ["log: file changed as we read it"]);
  assert.equal(outcome.failure, undefined);
  assert.ok(tarOutcome(reply([READ], { tar_status: "1" }), "read").failure);
});

test("a read error is a failure that says which file", () => {
  const messages = [
    "tar: ./a: socket ignored",
    "tar: ./b: Read error at byte 0, while reading 512 bytes: Input/output error",
    WRITTEN,
    "tar: Exiting with failure status due to previous errors",
  ];
  const { failure } = tarOutcome(reply(messages, { tar_status: "2" }), "create");
  assert.match(failure ?? "", /^b: Read error/);
});

test("a decompressor that fails is a failure even when tar is content", () => {
  assert.ok(tarOutcome(reply([READ], { zstd_status: "1" }), "read").failure);
});

test("an attribute that cannot be set is a failure although tar ends with 0", () => {
  const lost =
    "tar: setxattrat: Cannot set 'user.a' extended attribute for file './x': Not supported";
  assert.match(tarOutcome(reply([lost, READ]), "read").failure ?? "", /user\.a/);
});

test("an ACL text with foreign names is a remark: its raw copy is used", () => {
  const names = "tar: ./x: Warning: Cannot acl_from_text: Invalid argument";
  const outcome = tarOutcome(reply([names, READ]), "read");
  assert.equal(outcome.failure, undefined);
  assert.equal(outcome.remarks.length, 1);
});

test("a run without tar's sum, or with a verb that failed, is a failure", () => {
  assert.ok(tarOutcome(reply([]), "create").failure);
  assert.ok(tarOutcome({ ...reply([WRITTEN]), status: 1 }, "create").failure);
});

test("paths too long for tar are said", () => {
  assert.deepEqual(tarOutcome(reply([WRITTEN], { too_long: "4" }), "create").remarks, [
    "4 paths are longer than 4,095 bytes: they are in the archive, but tar cannot extract them",
  ]);
});

test("one remark of a kind, with a count and the first names", () => {
  const sockets = Array.from({ length: 12 }, (_, i) => `tar: ./${i}: socket ignored`);
  const changed = "tar: ./log: file changed as we read it";
  assert.deepEqual(tarOutcome(reply([...sockets, changed, WRITTEN]), "create").remarks, [
    "0, 1, 2 and 9 others: socket ignored",
    "log: file changed as we read it",
  ]);
});

const ATTRIBUTE =
  "tar: setxattrat: Cannot set 'security.NTACL' extended attribute for file './x': Operation not permitted";
const OWNER = "tar: ./x: Cannot change ownership to uid 4000000, gid 5: Invalid argument";
const SUMMARY = "tar: Exiting with failure status due to previous errors";

test("what may be left out is no failure, also where tar fails for nothing else", () => {
  const said = reply([ATTRIBUTE, OWNER, OWNER, READ, SUMMARY], { tar_status: "2" });
  const { failure, leftOut, remarks } = tarOutcome(said, "read", () => true);
  assert.equal(failure, undefined);
  assert.deepEqual(remarks, []);
  assert.deepEqual(
    leftOut.map(({ aspect, attribute, count }) => [aspect, attribute, count]),
    [
      ["attributes", "security.NTACL", 1],
      ["owners", undefined, 2],
    ],
  );
});

test("what may not be left out is a failure beside what may", () => {
  const said = reply([OWNER, ATTRIBUTE, READ], { tar_status: "2" });
  const doesWithout = ({ aspect }: MessageGroup): boolean => aspect === "attributes";
  assert.match(tarOutcome(said, "read", doesWithout).failure ?? "", /^x: Cannot change ownership/);
  const other = "tar: ./y: Cannot open: No space left on device";
  const both = reply([OWNER, other, READ], { tar_status: "2" });
  assert.match(tarOutcome(both, "read", () => true).failure ?? "", /^y: Cannot open/);
});
