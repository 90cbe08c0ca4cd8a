import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { SourceText } from "./source.ts";

test("positions count lines and columns from 1", () => {
  const source = new SourceText("f", "ab\n\ncd");
  assert.deepEqual(source.position(0), { line: 1, column: 1 });
  assert.deepEqual(source.position(2), { line: 1, column: 3 });
  assert.deepEqual(source.position(3), { line: 2, column: 1 });
  assert.deepEqual(source.position(5), { line: 3, column: 2 });
});

test("a line comes without its line break, whatever kind it is", () => {
  const source = new SourceText("f", "ab\r\ncd\nef");
  assert.deepEqual(
    [1, 2, 3, 4].map((line) => source.line(line)),
    ["ab", "cd", "ef", ""],
  );
  assert.equal(source.firstLine({ start: 1, end: 6 }), "b");
});

test("a position leads back to its offset", () => {
  const text = fc
    .array(fc.constantFrom("a", "é", "\n", "😀", "\r\n"))
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, fc.nat(), (content, at) => {
      const offset = at % (content.length + 1);
      const { line, column } = new SourceText("f", content).position(offset);
      const before = content.split("\n").slice(0, line - 1);
      const start = before.reduce((sum, each) => sum + each.length + 1, 0);
      assert.equal(start + column - 1, offset);
      assert.ok(!content.slice(start, offset).includes("\n"));
    }),
  );
});
