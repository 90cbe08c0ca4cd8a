import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { errorsPage } from "../../scripts/write-errors.ts";
import { ERROR_AREAS, ERROR_CODES } from "./codes.ts";

const SOURCE = join(import.meta.dirname, "..");
const CODES = Object.keys(ERROR_CODES);

test("docs/errors.md is what `npm run errors` writes, with every code once", () => {
  const page = errorsPage();
  assert.equal(readFileSync(join(SOURCE, "../docs/errors.md"), "utf8"), page);
  const headings = [...page.matchAll(/^### (.*)$/gm)].map(([, code]) => code);
  assert.deepEqual(headings, CODES);
});

test("every code is used by something", () => {
  const files = globSync("**/*.ts", { cwd: SOURCE, exclude: ["error-codes/**", "**/*.test.ts"] });
  const text = files.map((file) => readFileSync(join(SOURCE, file), "utf8")).join("");
  assert.deepEqual(
    CODES.filter((code) => !text.includes(`"${code}"`)),
    [],
  );
});

test("no two areas list the same code, and each code names its subject and the situation", () => {
  const listed = ERROR_AREAS.flatMap(({ errors }) => Object.keys(errors));
  assert.deepEqual(listed, CODES);
  for (const code of listed) assert.match(code, /^[a-z]+\.[a-z-]+$/);
});

test("cause and cure are whole sentences", () => {
  for (const [code, { cause, cure }] of Object.entries(ERROR_CODES)) {
    for (const text of [cause, cure]) assert.match(text, /^[A-Z`].*\.$/, code);
  }
});
