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

const READ = "Total bytes read: 10240 (10KiB, 71MiB/s)";

test("a clean run has counts and no remarks", () => {
  assert.deepEqual(tarOutcome(reply([READ], { blocks: "20" })), {
    tarBytes: 10_240,
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
  const outcome = tarOutcome(reply([READ], ends));
  assert.equal(outcome.tarBytes, 10_752);
  assert.deepEqual([outcome.markedEnd, outcome.goesOn], [false, true]);
});

test("status 1, by which tar says that files changed, is a failure when reading", () => {
  assert.ok(tarOutcome(reply([READ], { tar_status: "1" })).failure);
});

test("a decompressor that fails is a failure even when tar is content", () => {
  assert.ok(tarOutcome(reply([READ], { zstd_status: "1" })).failure);
});

test("an attribute that cannot be set is a failure although tar ends with 0", () => {
  const lost =
    "tar: setxattrat: Cannot set 'user.a' extended attribute for file './x': Not supported";
  assert.match(tarOutcome(reply([lost, READ])).failure ?? "", /user\.a/);
});

test("an ACL text with foreign names is a remark: its raw copy is used", () => {
  const names = "tar: ./x: Warning: Cannot acl_from_text: Invalid argument";
  const outcome = tarOutcome(reply([names, READ]));
  assert.equal(outcome.failure, undefined);
  assert.equal(outcome.remarks.length, 1);
});

test("a run without tar's sum, or with a verb that failed, is a failure", () => {
  assert.ok(tarOutcome(reply([])).failure);
  assert.ok(tarOutcome({ ...reply([READ]), status: 1 }).failure);
});

const ATTRIBUTE =
  "tar: setxattrat: Cannot set 'security.NTACL' extended attribute for file './x': Operation not permitted";
const OWNER = "tar: ./x: Cannot change ownership to uid 4000000, gid 5: Invalid argument";
const SUMMARY = "tar: Exiting with failure status due to previous errors";

test("what may be left out is no failure, also where tar fails for nothing else", () => {
  const said = reply([ATTRIBUTE, OWNER, OWNER, READ, SUMMARY], { tar_status: "2" });
  const { failure, leftOut, remarks } = tarOutcome(said, () => true);
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
  assert.match(tarOutcome(said, doesWithout).failure ?? "", /^x: Cannot change ownership/);
  const other = "tar: ./y: Cannot open: No space left on device";
  const both = reply([OWNER, other, READ], { tar_status: "2" });
  assert.match(tarOutcome(both, () => true).failure ?? "", /^y: Cannot open/);
});

test("messages on names that hold what ends a line elsewhere are told apart as others are", () => {
  const file = "a\rb\u2028c\u2029d";
  const messages = [
    `setxattrat: Cannot set 'user.x' extended attribute for file '${file}': Not supported`,
    `acl_set: Cannot set POSIX ACLs for file '${file}': Not supported`,
    `${file}: Cannot change ownership to uid 1, gid 2: Not permitted`,
    `${file}: Cannot change mode to rwx: Not permitted`,
    `${file}: Cannot utime: Not permitted`,
    `${file}: Cannot mkfifo: Not permitted`,
    `${file}: Cannot hard link to '${file}': Not permitted`,
    `${file}: File shrank by 5 bytes; padding with zeros`,
    `${file}: file changed as we read it`,
  ];
  const groups = new MessageGroups();
  for (const message of messages) groups.add(`tar: ${message}`);
  assert.equal(groups.list().length, messages.length);
  for (const { what, files } of groups.list()) {
    assert.deepEqual(files, [file], what);
    assert.ok(!what.includes(file), what);
  }
});
