/** What users read has the words that docs/glossary.md settles on. */
import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..", "..");
const PAGES = ["README.md", "CHANGELOG.md", "changelog/*.md", "docs/*.md"];
const GLOSSARY = "docs/glossary.md";
/** Made of the comments in the code, and of the names of tests. */
const NOT_SEARCHED = ["docs/api.md", "docs/testing.md"];
/** A comment, or a text in quotes. None of our comments has quotes that are not closed on their line. */
const COMMENT_OR_TEXT = /\/\*[^]*?\*\/|\/\/.*$|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/gm;

interface Place {
  readonly file: string;
  readonly text: string;
}

test("pages, messages and help have the settled words", async () => {
  const words = await wordsToAvoid();
  assert.ok(words.length > 20);
  const places = [...(await pages()), ...(await textsOfSource())];
  assert.ok(places.length > 1000);
  const found = places.flatMap(({ file, text }) =>
    words.flatMap((word) =>
      word.test(text) ? [`${file}: ${String(word)}: ${around(text, word)}`] : [],
    ),
  );
  assert.deepEqual(found, []);
});

/** The right column of the glossary's table. */
async function wordsToAvoid(): Promise<readonly RegExp[]> {
  const glossary = await readFile(join(ROOT, GLOSSARY), "utf8");
  const [, table = ""] = glossary.split("## Settled words");
  return table
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(1)
    .flatMap((line) => line.split("|")[2]?.split(";") ?? [])
    .map((words) => words.trim())
    .filter((words) => !words.startsWith("---"))
    .map((words) => new RegExp(`(?<!\\w|there )${inText(words)}(?!\\w)`, "i"));
}

/** Lines may be broken between words. */
function inText(words: string): string {
  return words.replaceAll(" … ", "\\s[^.;]{1,40}\\s").replaceAll(" ", "\\s+");
}

async function pages(): Promise<readonly Place[]> {
  const read: Place[] = [];
  for await (const file of glob(PAGES, { cwd: ROOT })) {
    if (NOT_SEARCHED.includes(file)) continue;
    const text = await readFile(join(ROOT, file), "utf8");
    const [settled = ""] = file === GLOSSARY ? text.split("## Settled words") : [text];
    read.push({ file, text: settled });
  }
  return read;
}

/** The texts of several words in the program, of which most are for people. */
async function textsOfSource(): Promise<readonly Place[]> {
  const read: Place[] = [];
  for await (const file of glob("src/**/*.ts", { cwd: ROOT })) {
    if (file.endsWith(".test.ts")) continue;
    const source = await readFile(join(ROOT, file), "utf8");
    for (const [text] of source.matchAll(COMMENT_OR_TEXT)) {
      if (!text.startsWith("/") && text.includes(" ")) read.push({ file, text });
    }
  }
  return read;
}

function around(text: string, word: RegExp): string {
  const at = word.exec(text)?.index ?? 0;
  return text.slice(Math.max(0, at - 40), at + 60).replaceAll(/\s+/g, " ");
}
