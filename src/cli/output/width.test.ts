import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { coloured } from "./shown-text.ts";
import { shortened, shortenedInMiddle, textWidth } from "./width.ts";

test("a text is as wide as a terminal shows it", () => {
  const widths = {
    plain: 5,
    文書: 4,
    한글: 4,
    // Decomposed: letters that join to syllables.
    "\u1112\u1161\u11AB\u1100\u1173\u11AF": 4,
    "\uA960": 2,
    "\u{17000}": 2,
    "\u{1F200}": 2,
    "é\u0065\u0301": 2,
    "a\u200Db": 2,
    "soft\u00ADhyphen": 11,
    "😀": 2,
    "❤": 1,
    "❤\uFE0F": 2,
    "": 0,
  };
  assert.deepEqual(Object.fromEntries(Object.keys(widths).map((x) => [x, textWidth(x)])), widths);
  assert.equal(textWidth(coloured("red", "文")), 2);
});

test("what is cut keeps its beginning, or both ends, and its colour", () => {
  assert.equal(shortened("paperless_data", 8), "paperle…");
  assert.equal(shortenedInMiddle("paperless_production_data", 13), "paperl…n_data");
  assert.equal(shortenedInMiddle("文書文書文書", 6), "文…書");
  assert.equal(shortenedInMiddle(coloured("red", "paperless_data"), 5), coloured("red", "pa…ta"));
});

test("what is cut is never wider than its room, and ends as the text does", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 40 }), (text, width) => {
      for (const cut of [shortened(text, width), shortenedInMiddle(text, width)]) {
        assert.ok(textWidth(cut) <= width);
        if (cut !== text) assert.ok(cut.includes("…"));
      }
      assert.ok(text.endsWith(shortenedInMiddle(text, width).split("…").at(-1) ?? ""));
    }),
  );
});
