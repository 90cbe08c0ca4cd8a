import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifest } from "./parse.ts";
import { errorOf, mistakes } from "../../test/fixtures/mistakes.ts";

test("what an alias probably means is in the data", () => {
  const { problems } = errorOf("volumes: { aa: &base , bb: *bas , cc: *base }").data;
  assert.ok(Array.isArray(problems));
  assert.equal(problems[0]?.suggestion, "*base");
});

test("an alias for a key that stands for nothing is reported once", () => {
  assert.deepEqual(mistakes("volumes: { *no : { drivr: x } }"), [
    '1:12 alias "*no" has no anchor before it | *no',
  ]);
});

test("aliases that stand for nothing or for themselves", () => {
  assert.deepEqual(mistakes("volumes: { aa: &base { driver: x }, bb: *base, cc: *bas }"), [
    '1:52 alias "*bas" has no anchor before it; did you mean "*base"? | *bas',
  ]);
  assert.deepEqual(mistakes("volumes: { aa: *later }\nnetworks: &later {}"), [
    '1:16 alias "*later" has no anchor before it | *later',
  ]);
  const itself = "stands for a value that contains it";
  assert.deepEqual(mistakes("volumes: &v { aa: *v }"), [`1:19 alias "*v" ${itself} | *v`]);
  assert.deepEqual(mistakes("volumes: &v { <<: *v }"), [`1:19 alias "*v" ${itself} | *v`]);
  assert.deepEqual(mistakes("volumes: { <<: &v [*v] }"), [`1:20 alias "*v" ${itself} | *v`]);
});

test("a mistake behind an alias is reported once, where it is written", () => {
  assert.deepEqual(mistakes("volumes: { aa: &v { drivr: x }, bb: *v, cc: { <<: *v } }"), [
    '1:21 unknown key "drivr"; did you mean "driver"? | drivr',
  ]);
});

test("a merge key takes maps", () => {
  assert.deepEqual(mistakes("volumes: { <<: x, aa: { <<: [{ driver: y }, 5] } }"), [
    '1:16 "<<" takes a map or a list of maps | x',
    '1:45 "<<" takes a map or a list of maps | 5',
  ]);
});

function bomb(first: string, next: (name: string) => string): string {
  const lines = Array.from(
    { length: 40 },
    (_, at) => `  a${at + 1}: &a${at + 1} ${next(`*a${at}`)}\n`,
  );
  return `sops:\n  a0: &a0 ${first}\n${lines.join("")}`;
}

test("aliases that multiply are stopped", { timeout: 60_000 }, () => {
  const cases = [
    [bomb("{ x: y }", (name) => `{ aa: ${name}, bb: ${name} }`), "volumes: *a40\n"],
    [bomb("{ x: y }", (name) => `{ <<: [${name}, ${name}] }`), "volumes: *a40\n"],
    [bomb("[]", (name) => `[${name}, ${name}]`), "volumes: { <<: *a40 }\n"],
  ] as const;
  for (const [sections, volumes] of cases) {
    const found = mistakes(sections + volumes).filter((line) => line.includes("more than 100000"));
    assert.equal(found.length, 1);
    parseManifest(sections, { file: "f", env: {} });
  }
});

test("a long anchor that is used often is stopped", { timeout: 60_000 }, () => {
  const labels = Array.from({ length: 1000 }, (_, at) => `l${at}: x`).join(", ");
  const uses = Array.from({ length: 150 }, (_, at) => `  v${at}: { labels: *long }\n`).join("");
  const [mistake] = mistakes(`volumes:\n  long: { labels: &long { ${labels} } }\n${uses}`);
  assert.match(mistake ?? "", /^53:18 the aliases stand for more than 100000 values/);
});

test("nesting without end is stopped", { timeout: 60_000 }, () => {
  for (const text of ["[", "{ a: ", "- ", "? "]) {
    const [mistake, ...others] = mistakes(`volumes: ${text.repeat(20_000)}`);
    assert.match(mistake ?? "", /nested too deeply|unexpected|map cannot start here/);
    assert.deepEqual(others, []);
  }
});
