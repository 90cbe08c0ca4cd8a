import assert from "node:assert/strict";
import { test } from "node:test";
import { toJsonSchema, type JsonSchema } from "@valibot/to-json-schema";
import { allCommands } from "../../../test/fakes/commands.ts";
import { DOCUMENTS } from "./documents.ts";

/** They print what they were asked for, `--json` or not. */
const WITHOUT_DOCUMENT = ["snapshot cat", "completion", "__complete"];

test("every command has a schema of its document", () => {
  const commands = allCommands()
    .map(({ words }) => words)
    .filter((name) => !WITHOUT_DOCUMENT.includes(name));
  const more = ["error", "volume undo --discard"];
  assert.deepEqual(Object.keys(DOCUMENTS).toSorted(), [...commands, ...more].toSorted());
});

test("every field of a document says what it means", () => {
  for (const [name, document] of Object.entries(DOCUMENTS)) {
    for (const path of unexplained(toJsonSchema(document), name)) assert.fail(path);
  }
});

function unexplained(schema: JsonSchema, path: string): readonly string[] {
  // docs/format.md says it of a sidecar.
  if (path.endsWith(".sidecar")) return [];
  const inside = [schema.items, ...(schema.anyOf ?? [])].filter(isSchema);
  const own = Object.entries(schema.properties ?? {}).flatMap(([name, value]) => {
    const field = `${path}.${name}`;
    if (!isSchema(value)) return [];
    const isExplained = [value, ...(value.anyOf ?? [])].some(
      (each) => isSchema(each) && (each.description ?? "") !== "",
    );
    return [...(isExplained ? [] : [field]), ...unexplained(value, field)];
  });
  return [...own, ...inside.flatMap((each) => unexplained(each, path))];
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
