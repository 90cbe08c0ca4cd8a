import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Interpolator, mask, unmask } from "./interpolate.ts";

function replace(text: string, env: Readonly<Record<string, string | undefined>>): string {
  const masked = mask(text);
  return new Interpolator(masked, env).replace(masked, { start: 0, end: masked.length });
}

test("every ${NAME} is replaced, and nothing else is", () => {
  const env = { A: "1", _b2: "2" };
  assert.equal(replace("x${A}y${_b2}${A}", env), "x1y21");
  for (const text of ["$A", "${}", "${2A}", "${A-x}", "${A:-x}", "${ A }", "${A", "{A}", "$${-}"]) {
    assert.equal(replace(text, env), text);
  }
});

test("what a variable holds is not replaced again", () => {
  assert.equal(replace("${A}", { A: "${B}", B: "no" }), "${B}");
  assert.equal(replace("${A}", { A: "$&$1" }), "$&$1");
});

test("a variable that is set to nothing is set", () => {
  const masked = mask("${A}");
  const interpolator = new Interpolator(masked, { A: "" });
  assert.equal(interpolator.replace(masked, { start: 0, end: 4 }), "");
  assert.deepEqual(interpolator.unset(), []);
});

test("an unset variable is replaced with nothing and recorded once, where it is used first", () => {
  const masked = mask("${B} ${A} ${B}");
  const interpolator = new Interpolator(masked, { B: undefined });
  interpolator.replace(masked.slice(10), { start: 10, end: 14 });
  assert.equal(interpolator.replace(masked, { start: 0, end: 14 }), "  ");
  assert.deepEqual(interpolator.unset(), [
    { name: "B", offset: 0 },
    { name: "A", offset: 5 },
  ]);
});

test("what objects inherit is not the environment", () => {
  assert.equal(replace("${constructor}${toString}", {}), "");
});

test("text without ${ stays as it is", () => {
  const text = fc.string({ unit: "binary" }).filter((value) => !value.includes("${"));
  fc.assert(
    fc.property(text, (value) => {
      assert.equal(replace(value, { A: "x" }), value);
    }),
  );
});

test("masking keeps the length and every other character, and can be undone", () => {
  const part = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("${A}", "$", "{", "}", "${b_1}"),
  );
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      const text = parts.join("");
      const masked = mask(text);
      assert.equal(masked.length, text.length);
      assert.ok(!/\$\{\w+\}/.test(masked) || /\$\{\d/.test(masked));
      assert.equal(unmask(masked), text);
    }),
  );
});
