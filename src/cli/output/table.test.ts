import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { coloured, shownLines } from "./shown-text.ts";
import { table } from "./table.ts";
import { textWidth } from "./width.ts";

const ROWS = [
  ["VOLUME", "SIZE", "NOTE"],
  ["paperless_data", "1.5 GB", "before the upgrade to 3.0"],
  ["db", "12 kB", "文書の前に"],
];

/** As it reaches a terminal. */
function lines(rows: readonly string[]): string {
  return shownLines(rows).trimEnd();
}

test("a cell of a table is one line, as wide as its escapes", () => {
  assert.equal(
    lines(
      table([
        ["a\nb", "c"],
        ["a\u001B[31m", "\u202Ed"],
      ]),
    ),
    ["a\\nb       c", "a\\x1b[31m  \\u202ed"].join("\n"),
  );
});

test("columns are aligned by what is seen, numbers on the right", () => {
  assert.equal(
    lines(table(ROWS, { right: [1] })),
    [
      "VOLUME            SIZE  NOTE",
      "paperless_data  1.5 GB  before the upgrade to 3.0",
      "db               12 kB  文書の前に",
    ].join("\n"),
  );
  const red = ROWS.map((row) => row.map((cell) => coloured("red", cell)));
  assert.equal(
    stripVTControlCharacters(lines(table(red, { right: [1] }))),
    lines(table(ROWS, { right: [1] })),
  );
});

test("what does not fit is cut from the flexible columns, with its colour kept", () => {
  assert.equal(
    lines(table(ROWS, { columns: 40, right: [1], flexible: [2] })),
    [
      "VOLUME            SIZE  NOTE",
      "paperless_data  1.5 GB  before the upgr…",
      "db               12 kB  文書の前に",
    ].join("\n"),
  );
  const red = coloured("red", "a long cell that is cut");
  const cut = lines(table([[red]], { columns: 10, flexible: [0] }));
  assert.equal(cut, "\u001B[31ma long ce…\u001B[39m");
});

test("without a terminal nothing is cut", () => {
  assert.equal(lines(table([["x".repeat(500)]], { flexible: [0] })).length, 500);
});

test("no line is longer than there is room, as long as the flexible columns can give way", () => {
  const cell = fc.string({ unit: "grapheme", maxLength: 60 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(cell, cell), { minLength: 1 }),
      fc.integer({ min: 18, max: 80 }),
      (rows, columns) => {
        for (const line of table(rows, { columns, flexible: [0, 1] })) {
          assert.ok(textWidth(line) <= columns, line);
        }
      },
    ),
  );
});

const VOLUMES = [
  ["VOLUME", "DECLARED", "SNAPSHOT", "CONTAINERS"],
  ["paperless_production_media", "yes", "3 hours ago", "web (running), worker (running)"],
  ["db", "no", "-", "-"],
];

test("the last column goes on at words beside the others, or below them", () => {
  assert.deepEqual(table(VOLUMES, { columns: 76, wraps: true }), [
    "VOLUME                      DECLARED  SNAPSHOT     CONTAINERS",
    "paperless_production_media  yes       3 hours ago  web (running), worker",
    "                                                   (running)",
    "db                          no        -            -",
  ]);
  assert.deepEqual(table(VOLUMES, { columns: 62, wraps: true }), [
    "VOLUME                      DECLARED  SNAPSHOT     CONTAINERS",
    "paperless_production_media  yes       3 hours ago",
    "    web (running), worker (running)",
    "db                          no        -            -",
  ]);
});

test("names are cut in their middle, and columns left out where that is not enough", () => {
  const form = { wraps: true, names: [0], droppable: [1] };
  assert.deepEqual(table(VOLUMES, { ...form, columns: 70 }), [
    "VOLUME                 DECLARED  SNAPSHOT     CONTAINERS",
    "paperless_…tion_media  yes       3 hours ago  web (running), worker",
    "                                              (running)",
    "db                     no        -            -",
  ]);
  assert.deepEqual(table(VOLUMES, { ...form, columns: 62 }), [
    "VOLUME                   SNAPSHOT     CONTAINERS",
    "paperless_p…ction_media  3 hours ago  web (running), worker",
    "                                      (running)",
    "db                       -            -",
  ]);
});
