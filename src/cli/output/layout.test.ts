import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { shellWord } from "../../format.ts";
import { laidOut, wrapped } from "./layout.ts";
import { coloured, shownLines } from "./shown-text.ts";
import { textWidth } from "./width.ts";

const SENTENCE =
  "Add --force to replace what it holds. Take a snapshot of it first if you may want it back.";

test("a line that is too long goes on further in, at the end of a word", () => {
  assert.deepEqual(laidOut([`  ${SENTENCE}`, "short"], 40), [
    "  Add --force to replace what it holds.",
    "    Take a snapshot of it first if you",
    "    may want it back.",
    "short",
  ]);
});

test("what is no terminal gets lines as they are", () => {
  assert.deepEqual(laidOut([SENTENCE], undefined), [SENTENCE]);
});

test("lines below a prefix begin where its text does", () => {
  const first = coloured("red", "error: ");
  assert.equal(
    shownLines(wrapped(SENTENCE, { columns: 40, first, rest: 7 })),
    [
      "\u001B[31merror: \u001B[39mAdd --force to replace what it",
      "       holds. Take a snapshot of it",
      "       first if you may want it back.",
      "",
    ].join("\n"),
  );
});

test("a command in backticks and a quoted path are not broken", () => {
  const text = "Look into '/my own/folder', then run `dockform volume recover data`: that is all.";
  assert.deepEqual(laidOut([text], 40, 0), [
    "Look into '/my own/folder', then run",
    "`dockform volume recover data`: that is",
    "all.",
  ]);
});

test("a command in a sentence that is longer than a line has lines of its own", () => {
  const command =
    "dockform volume restore paperless_data /srv/a --force --stop-containers --undeclared";
  assert.deepEqual(laidOut([`Run \`${command}\`. Then look.`], 50, 0), [
    "Run",
    String.raw`  dockform volume restore paperless_data /srv/a \ `.trimEnd(),
    "      --force --stop-containers --undeclared",
    "Then look.",
  ]);
});

test("a number and its unit stay together", () => {
  const text =
    "Snapshot of default/data: 2 files, 61.4 kB as tar, 285 B stored, 0.42 s (9 ms for 3 songs).";
  assert.deepEqual(laidOut([text], 40), [
    "Snapshot of default/data: 2 files,",
    "  61.4 kB as tar, 285 B stored, 0.42 s",
    "  (9 ms for 3 songs).",
  ]);
  assert.deepEqual(laidOut(["It took 12,345 s, or 3 h, on 1 disk."], 16, 0), [
    "It took",
    "12,345 s, or",
    "3 h, on 1 disk.",
  ]);
});

test("wide characters are counted as they are seen", () => {
  assert.deepEqual(laidOut(["文書 文書 文書 e\u0301e\u0301e\u0301"], 9, 0), [
    "文書 文書",
    "文書 e\u0301e\u0301e\u0301",
  ]);
});

test("a word that is longer than a line is whole on its own, as far left as it needs", () => {
  assert.deepEqual(laidOut([`  from ${"x".repeat(30)}`, `  from ${"y".repeat(26)} z`], 28), [
    "  from",
    "x".repeat(30),
    "  from",
    `  ${"y".repeat(26)}`,
    "    z",
  ]);
});

test("a shell takes a command in several lines as it takes it in one", () => {
  const word = fc.constantFrom("--force", "a b", "it's", "~/x", "$HOME", "文書", "x".repeat(30));
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 20, max: 80 }),
      (words, columns) => {
        const command = ["dockform volume", ...words.map(shellWord)].join(" ");
        const lines = laidOut([`    ${command}`], columns);
        const said = execFileSync(
          "sh",
          ["-c", `dockform() { printf '%s\\n' "$@"; }\n${lines.join("\n")}`],
          { encoding: "utf8" },
        );
        assert.equal(said, `${["volume", ...words].join("\n")}\n`);
      },
    ),
    { numRuns: 30 },
  );
});

test("nothing is lost, and only what has no break is longer than a line", () => {
  const word = fc.oneof(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
    fc.constantFrom("`dockform volume list`", "'a b'", "(x,", "y)", "long".repeat(30)),
  );
  fc.assert(
    fc.property(fc.array(word), fc.integer({ min: 20, max: 120 }), (words, columns) => {
      const text = words.join(" ");
      const lines = laidOut([text], columns);
      const without = (shown: string): string => shown.replaceAll(/[\s`\\]/gu, "");
      const one = laidOut([text], 1e6);
      assert.equal(without(lines.join("")), without(one.join("")));
      for (const line of lines) {
        if (textWidth(line) > columns) assert.doesNotMatch(line.trim(), /^[^\s`']+ /);
      }
    }),
  );
});
