import assert from "node:assert/strict";
import { test } from "node:test";
import { DockformError } from "../errors.ts";
import { manifestError, quoted, type Problem } from "./problem.ts";
import { SourceText } from "./source.ts";

function problemAt(text: string, part: string, message = "is wrong"): Problem {
  const start = text.indexOf(part);
  return { range: { start, end: start + part.length }, message };
}

function messageFor(text: string, ...problems: readonly Problem[]): string {
  return manifestError(new SourceText("dockform.yml", text), problems, undefined).message;
}

test("a single problem is said with its place, its line and a mark under the text", () => {
  const text = "a: 1\n  volums: 2\n";
  assert.equal(
    messageFor(text, problemAt(text, "volums", "unknown key")),
    "dockform.yml:2:3: unknown key\n  2 |   volums: 2\n    |   ^^^^^^",
  );
});

test("several problems come in the order of the file, each once, under a count", () => {
  const text = "one\ntwo\n";
  const [one, two] = [problemAt(text, "one"), problemAt(text, "two")];
  const error = manifestError(new SourceText("dockform.yml", text), [two, one, two], "Do it.");
  assert.ok(error instanceof DockformError);
  assert.equal(error.kind, "manifest");
  assert.equal(error.hint, "Do it.");
  assert.deepEqual(error.message.split("\n"), [
    "2 problems in dockform.yml",
    "dockform.yml:1:1: is wrong",
    "  1 | one",
    "    | ^^^",
    "dockform.yml:2:1: is wrong",
    "  2 | two",
    "    | ^^^",
  ]);
  assert.deepEqual(error.data["problems"], [
    { line: 1, column: 1, message: "is wrong", text: "one" },
    { line: 2, column: 1, message: "is wrong", text: "two" },
  ]);
});

test("a suggestion is in the data", () => {
  const problem = { ...problemAt("volums", "volums"), suggestion: "volumes" };
  const error = manifestError(new SourceText("f", "volums"), [problem], undefined);
  assert.deepEqual(error.data["problems"], [
    { line: 1, column: 1, message: "is wrong", text: "volums", suggestion: "volumes" },
  ]);
});

test("of very many problems the first twenty are shown, and all are in the data", () => {
  const errorOf = (length: number): DockformError => {
    const problems = Array.from({ length }, (_, at) => ({
      range: { start: at, end: at + 1 },
      message: "is wrong",
    }));
    return manifestError(new SourceText("f", "x".repeat(length)), problems, undefined);
  };
  const error = errorOf(25);
  assert.equal(error.message.match(/is wrong/g)?.length, 20);
  assert.match(error.message, /^25 problems in f\n/);
  assert.match(error.message, /\nand 5 more$/);
  assert.ok(Array.isArray(error.data["problems"]));
  assert.equal(error.data["problems"].length, 25);
  assert.ok(!errorOf(20).message.includes("more"));
});

test("a long line is cut to 80 columns around the offending text", () => {
  for (const before of [0, 40, 70, 200, 500]) {
    for (const after of [0, 10, 300]) {
      const text = `${"a".repeat(before)}WRONG${"b".repeat(after)}`;
      const [, line = "", mark = ""] = messageFor(text, problemAt(text, "WRONG")).split("\n");
      assert.ok(line.length <= 80 && mark.length <= 80, line);
      assert.equal(line.slice(mark.indexOf("^"), mark.lastIndexOf("^") + 1), "WRONG");
      const shown = line.slice(6).replaceAll("…", "");
      assert.ok(text.includes(shown));
      assert.equal(line.includes("…"), shown.length < text.length);
    }
  }
});

test("offending text that is longer than the line is marked to the end of the line", () => {
  const text = "x".repeat(300);
  const [, line = "", mark = ""] = messageFor(text, problemAt(text, text)).split("\n");
  assert.equal(line.length, 80);
  assert.ok(line.endsWith("…"));
  assert.equal(mark.length, 80);
});

test("a line that fits exactly is not cut", () => {
  const text = "x".repeat(74);
  const [, line = ""] = messageFor(text, problemAt(text, text)).split("\n");
  assert.equal(line, `  1 | ${text}`);
});

test("the mark stands under the text after tabs and characters of two code units", () => {
  const text = "\t😀 bad";
  assert.deepEqual(messageFor(text, problemAt(text, "bad")).split("\n"), [
    "dockform.yml:1:5: is wrong",
    "  1 |  😀 bad",
    "    |    ^^^",
  ]);
});

test("what could move the cursor of a terminal is not printed", () => {
  const text = "\u001b[2J\u202e\u0085bad";
  const message = messageFor(text, problemAt(text, "bad", quoted(text)));
  for (const character of ["\u001b", "\u202e", "\u0085"]) {
    assert.ok(!message.includes(character));
  }
  assert.ok(message.includes("\uFFFD[2J\uFFFD\uFFFDbad"));
});

test("a blank line is not quoted", () => {
  assert.equal(
    messageFor("\n", { range: { start: 0, end: 1 }, message: "x" }),
    "dockform.yml:1:1: x",
  );
});

test("long text is shortened where a message quotes it", () => {
  assert.equal(quoted("a".repeat(40)), `"${"a".repeat(40)}"`);
  assert.equal(quoted("a".repeat(41)), `"${"a".repeat(39)}…"`);
});
