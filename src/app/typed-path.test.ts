import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { displayText, entryPath } from "../tar/path.ts";
import { typedPath } from "./typed-path.ts";

test("any path is named by what is shown for it", () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 20 });
  const texts = fc.string({ unit: "binary", minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(
      fc.oneof(
        bytes.map((each) => Buffer.from(each)),
        texts.map((each) => Buffer.from(each)),
        fc.constantFrom("\u0085", "\u202E", "\\u202e", "\\x41").map((each) => Buffer.from(each)),
      ),
      (path) => {
        const stored = entryPath(path.toString("latin1"));
        assert.equal(typedPath(displayText(stored)), stored);
      },
    ),
  );
});
