import assert from "node:assert/strict";
import * as v from "valibot";
import { DOCUMENTS } from "../../src/cli/documents/documents.ts";

const SCHEMAS: ReadonlyMap<string, v.GenericSchema> = new Map(Object.entries(DOCUMENTS));
const ALIASES: Readonly<Record<string, string>> = { ls: "list", rm: "remove" };

/**
 * Asserts that what a call with `--json` printed is the command's document, or that of an error, with every field that
 * docs/json.md tells of and no other.
 */
export function assertDocumented(args: readonly string[], stdout: string): void {
  const command = commandOf(args);
  if (!args.includes("--json") || command === undefined) return;
  const document: unknown = JSON.parse(stdout);
  assert.ok(typeof document === "object" && document !== null, stdout);
  const name = Object.keys(document).join() === "error" ? "error" : command;
  const schema = SCHEMAS.get(name);
  assert.ok(schema !== undefined, `${name} has no schema`);
  const { issues = [] } = v.safeParse(schema, document);
  const problems = issues.map((issue) => `${v.getDotPath(issue) ?? ""}: ${issue.message}`);
  assert.deepEqual(problems, [], `${args.join(" ")} prints otherwise than documented`);
}

/** `volume undo --discard`; `undefined` for what prints no document. */
function commandOf(args: readonly string[]): string | undefined {
  const words = args.map((word) => ALIASES[word] ?? word);
  for (const [i, word] of words.entries()) {
    const two = `${word} ${words[i + 1]}`;
    const discard = `${two} --discard`;
    if (SCHEMAS.has(discard) && args.includes("--discard")) return discard;
    for (const name of [two, word]) if (SCHEMAS.has(name)) return name;
  }
  return undefined;
}
