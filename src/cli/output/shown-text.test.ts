import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import {
  coloured,
  shownFields,
  shownJson,
  shownJsonWithList,
  shownLine,
  shownLines,
} from "./shown-text.ts";

const HOSTILE =
  "a\u001B[2J\r\nb\u0085\u009B31m\u007F\u061C\u200E\u202E\u2028\u2029\u2066\u206Fc\td\\n";
const SHOWN = String.raw`a\x1b[2J\x0d\nb\u0085\u009b31m\x7f\u061c\u200e\u202e\u2028\u2029\u2066\u206fc\td\n`;

/** What no line of ours may hold, but for colours. */
const RAW = /(?!\n)[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u206F]/u;

test("what would disturb a line is escaped, and nothing else", () => {
  assert.equal(shownLine(HOSTILE), SHOWN);
  assert.equal(shownLines([HOSTILE, "b"]), `${SHOWN}\nb\n`);
  assert.equal(shownFields([HOSTILE, "b"]), `${SHOWN}\tb\n`);
  const fine = String.raw`'it'\''s' 👩‍👩‍👧 文書 é á`;
  assert.equal(shownLine(fine), fine);
});

test("a colour of ours is shown, and one that comes with a text is not", () => {
  assert.equal(
    shownLine(`${coloured("red", "a\u001B[1mb")} \u001B[32mc`),
    "\u001B[31ma\\x1b[1mb\u001B[39m \\x1b[32mc",
  );
});

test("any text is one line in text and JSON, and JSON keeps it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.doesNotMatch(shownLine(text), /\n/);
      assert.doesNotMatch(shownLine(text), RAW);
      const json = shownJson({ [text]: [text] });
      assert.match(json, /^[^\n]*\n$/);
      assert.doesNotMatch(json, RAW);
      assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify({ [text]: [text] })));
    }),
  );
  assert.doesNotMatch(shownJson(HOSTILE), RAW);
});

test("one file alone says what a terminal may be given", () => {
  const source = join(import.meta.dirname, "../..");
  const saying = globSync("**/*.ts", { cwd: source, exclude: ["**/*.test.ts"] }).filter((file) =>
    /\bas (?:unknown as )?ShownText\b|\bconsole\./.test(readFileSync(join(source, file), "utf8")),
  );
  assert.deepEqual(saying, [join("cli", "output", "shown-text.ts")]);
});

test("a document whose list goes out piece by piece is the same as in one piece", async () => {
  async function* each(items: readonly unknown[]): AsyncGenerator {
    yield* items;
  }
  for (const entries of [[], [{ text: HOSTILE }], [1, { a: [{}, "x\ny"], b: {} }, null]]) {
    const fields = { archive: "a", other: { b: [] } };
    const pieces = await Array.fromAsync(shownJsonWithList(fields, "entries", each(entries)));
    assert.equal(pieces.join(""), shownJson({ ...fields, entries }, 2));
  }
});
