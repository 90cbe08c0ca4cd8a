import assert from "node:assert/strict";
import { test } from "node:test";
import { ASPECTS, type Aspect, type LostGroup } from "../helper/message-groups.ts";
import type { EntryDifference } from "../tar/compare.ts";
import type { EntryType } from "../tar/entries.ts";
import { isDueToLeftOut } from "./without.ts";

function lost(aspect: Aspect, attribute?: string): LostGroup {
  return { aspect, attribute, what: "Cannot", count: 1, files: [] };
}

function changed(what: string, before = "1", after = "2"): EntryDifference {
  return { path: "file", kind: "changed", type: "file", changes: [{ what, before, after }] };
}

/** What each aspect excuses, where all of it was left out; nothing else is excused by it. */
const EXCUSED: Readonly<Record<Aspect, readonly string[]>> = {
  owners: ["owner"],
  modes: ["mode"],
  attributes: ["attribute user.note"],
  times: ["time"],
  devices: [],
  links: ["hard link to"],
};

const EVERY_CHANGE = [
  "type",
  "size",
  "content",
  "target",
  "device",
  "mode",
  "owner",
  "ACL",
  "default ACL",
  "attribute user.note",
  "time",
  "hard link to",
];

for (const aspect of ASPECTS) {
  test(`without ${aspect}, no other change is excused`, () => {
    const excused = EVERY_CHANGE.filter((what) =>
      isDueToLeftOut(changed(what), [lost(aspect)], { without: new Set([aspect]) }),
    );
    assert.deepEqual(excused, EXCUSED[aspect]);
  });

  test(`without ${aspect}, what was put back must be right`, () => {
    const excused = EVERY_CHANGE.filter((what) =>
      isDueToLeftOut(changed(what), [], { without: new Set([aspect]) }),
    );
    assert.deepEqual(excused, aspect === "times" ? ["time"] : []);
  });
}

test("a change that is excused excuses no other of the same file", () => {
  const changes = [...changed("owner").changes, ...changed("content").changes];
  const difference = { ...changed("owner"), changes };
  assert.ok(!isDueToLeftOut(difference, [lost("owners")], { without: new Set(["owners"]) }));
});

test("attributes and ACLs are told apart by their names", () => {
  for (const [name, expected] of [
    ["user.other", []],
    ["user.note", ["attribute user.note"]],
    ["ACL", ["ACL", "default ACL"]],
  ] as const) {
    const excused = EVERY_CHANGE.filter((what) =>
      isDueToLeftOut(changed(what), [lost("attributes", name)], {
        without: new Set(["attributes"]),
      }),
    );
    assert.deepEqual(excused, expected);
  }
});

test("without owners, a mode may lose its set-ID bits and nothing else", () => {
  for (const [before, after, expected] of [
    ["6755", "0755", true],
    ["4755", "0755", true],
    ["6755", "2755", true],
    ["0755", "4755", false],
    ["4755", "2755", false],
    ["4755", "0644", false],
    ["1777", "0777", false],
    ["0600", "0666", false],
  ] as const) {
    const difference = changed("mode", before, after);
    const isExcused = isDueToLeftOut(difference, [lost("owners")], { without: new Set() });
    assert.equal(isExcused, expected, `${before} ${after}`);
  }
});

test("an entry that is missing is excused where its kind was left out", () => {
  const types: readonly EntryType[] = ["file", "folder", "symlink", "char", "block", "fifo"];
  for (const aspect of ASPECTS) {
    const missing = (leftOut: readonly LostGroup[]): readonly EntryType[] =>
      types.filter((type) =>
        isDueToLeftOut({ path: "x", kind: "removed", type, changes: [] }, leftOut, {
          without: new Set([aspect]),
        }),
      );
    const kinds: Partial<Record<Aspect, readonly EntryType[]>> = {
      links: ["symlink"],
      devices: ["char", "block", "fifo"],
    };
    assert.deepEqual(missing([lost(aspect)]), kinds[aspect] ?? []);
    assert.deepEqual(missing([]), []);
  }
});
