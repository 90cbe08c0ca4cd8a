/**
 * Writes docs/errors.md, which lists every code that an error can carry. With `--check` it writes nothing and exits
 * with 1 when the page is stale.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { ERROR_AREAS } from "../src/error-codes/codes.ts";
import { EXIT_CODES, type ErrorEntries, type ErrorEntry } from "../src/error-codes/entry.ts";

const FILE = new URL("../docs/errors.md", import.meta.url);

const HEAD = `# Errors

<!-- Written by \`npm run errors\` from src/error-codes; edit that instead. -->

Every error has a code, which stays as it is from one version to the next. With \`--json\` it is printed as
\`error.code\`, beside \`error.kind\`, which decides the exit code. A message says what happened and to what; below
stands why such a thing happens and what to do about it.`;

/** The page, as the formatter of this project lays it out. */
export function errorsPage(): string {
  const sections = ERROR_AREAS.flatMap(({ title, errors }) => [`## ${title}`, ...entries(errors)]);
  return `${[HEAD, ...sections].join("\n\n")}\n`;
}

function entries(errors: ErrorEntries): readonly string[] {
  return Object.entries(errors).map(([code, entry]) => section(code, entry));
}

function section(code: string, { kind, cause, cure }: ErrorEntry): string {
  return [
    `### ${code}`,
    cause,
    `**What to do:** ${cure}`,
    `Exit code ${EXIT_CODES[kind]} (\`${kind}\`).`,
  ].join("\n\n");
}

function main(args: readonly string[]): void {
  const text = errorsPage();
  if (!args.includes("--check")) {
    writeFileSync(FILE, text);
  } else if (readFileSync(FILE, "utf8") !== text) {
    console.error("docs/errors.md is stale; run `npm run errors`.");
    process.exitCode = 1;
  }
}

if (import.meta.main) main(process.argv.slice(2));
