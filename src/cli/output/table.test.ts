import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters, styleText } from "node:util";
import fc from "fast-check";
import { table } from "./terminal.ts";
import { textWidth } from "./width.ts";

const ROWS = [
  ["VOLUME", "SIZE", "NOTE"],
  ["paperless_data", "1.5 GB", "before the upgrade to 3.0"],
  ["db", "12 kB", "文書の前に"],
];

test("columns are aligned by what is seen, numbers on the right", () => {
  assert.equal(
    table(ROWS, { right: [1] }),
    [
      "VOLUME            SIZE  NOTE",
      "paperless_data  1.5 GB  before the upgrade to 3.0",
      "db               12 kB  文書の前に",
    ].join("\n"),
  );
  const coloured = ROWS.map((row) =>
    row.map((cell) => styleText("red", cell, { validateStream: false })),
  );
  assert.equal(
    stripVTControlCharacters(table(coloured, { right: [1] })),
    table(ROWS, { right: [1] }),
  );
});

test("what does not fit is cut from the flexible columns, with its colour kept", () => {
  assert.equal(
    table(ROWS, { columns: 40, right: [1], flexible: [2] }),
    [
      "VOLUME            SIZE  NOTE",
      "paperless_data  1.5 GB  before the upgr…",
      "db               12 kB  文書の前に",
    ].join("\n"),
  );
  const red = styleText("red", "a long cell that is cut", { validateStream: false });
  const cut = table([[red]], { columns: 10, flexible: [0] });
  assert.equal(stripVTControlCharacters(cut), "a long ce…");
  assert.ok(cut.startsWith("\u001B[31m") && cut.endsWith("\u001B[39m"));
});

test("without a terminal nothing is cut", () => {
  assert.ok(table([["x".repeat(500)]], { flexible: [0] }).length === 500);
});

test("no line is longer than there is room, as long as the flexible columns can give way", () => {
  const cell = fc.string({ unit: "grapheme", maxLength: 60 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(cell, cell), { minLength: 1 }),
      fc.integer({ min: 18, max: 80 }),
      (rows, columns) => {
        for (const line of table(rows, { columns, flexible: [0, 1] }).split("\n")) {
          assert.ok(textWidth(line) <= columns, line);
        }
      },
    ),
  );
});
