// Puts the changes that changelog/ has, one file each, into CHANGELOG.md as those of a version.
//
// usage: sh scripts/run.sh scripts/cut-changelog.ts VERSION
import { glob, readFile, rm, writeFile } from "node:fs/promises";

const CHANGES = "CHANGELOG.md";
const NOT_A_CHANGE = "changelog/README.md";

const [version] = process.argv.slice(2);
if (version === undefined || !/^\d+\.\d+\.\d+$/.test(version)) {
  console.error("usage: sh scripts/run.sh scripts/cut-changelog.ts VERSION");
  process.exit(2);
}

const files = (await Array.fromAsync(glob("changelog/*.md")))
  .filter((file) => file !== NOT_A_CHANGE)
  .toSorted();
if (files.length === 0) {
  console.error("changelog/ has no change.");
  process.exit(1);
}

/** The items under each heading. */
const items = new Map<string, string[]>();
for (const file of files) {
  const [heading = "", ...lines] = (await readFile(file, "utf8")).trim().split("\n");
  if (!heading.startsWith("### "))
    throw new Error(`${file} does not begin with a heading (### ...)`);
  items.set(heading, [...(items.get(heading) ?? []), lines.join("\n").trim()]);
}
const today = new Date().toISOString().slice(0, 10);
const sections = [...items].map(([heading, texts]) => `${heading}\n\n${texts.join("\n")}\n`);
const release = `## ${version} (${today})\n\n${sections.join("\n")}\n`;
const text = await readFile(CHANGES, "utf8");
const releaseBefore = text.search(/^## /m);
if (releaseBefore === -1) throw new Error(`${CHANGES} has no release to put this one above`);
await writeFile(CHANGES, text.slice(0, releaseBefore) + release + text.slice(releaseBefore));
for (const file of files) await rm(file);
console.log(`${CHANGES}: ${files.length} changes as ${version}`);
