import { toJsonSchema, type JsonSchema } from "@valibot/to-json-schema";
import { DOCUMENTS } from "../src/cli/documents/documents.ts";

const schemas = Object.entries(DOCUMENTS).map(([name, document]) => {
  const { $schema: _, ...schema } = toJsonSchema(document, {
    target: "draft-07",
    overrideSchema: ({ valibotSchema: { type }, jsonSchema }) =>
      type === "strict_object" ? withMoreFields(jsonSchema) : undefined,
  });
  return { name, schema };
});

/** Fields may be added, which is no reason for a program to refuse a document. */
function withMoreFields(schema: JsonSchema): JsonSchema {
  const { additionalProperties: _, ...open } = schema;
  return open;
}

/** The JSON Schema of all that `--json` prints: `dockform-output.schema.json#/definitions/volume-list`. */
export function outputJsonSchema(): string {
  const definitions = schemas.map(({ name, schema }) => [definitionName(name), schema]);
  return JSON.stringify({
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "What dockform prints under --json",
    definitions: Object.fromEntries(definitions),
    anyOf: schemas.map(({ name }) => ({ $ref: `#/definitions/${definitionName(name)}` })),
  });
}

function definitionName(name: string): string {
  return name.replaceAll(/[ -]+/g, "-");
}

const INTRODUCTION = `# JSON output

\`--json\` prints one document on standard output, whatever the command (\`snapshot cat\` and \`completion\` print what they
always print). Where a command fails, the document is that of an error, also where its options are wrong; where a part
of its work was done, it is the command's, with what failed under \`failures\`, and the exit code tells of the failure.

Documents are API: fields are added, none is renamed or removed, and their units are in their names. What is not known is
\`null\` and never missing. Times are RFC 3339 in UTC and whole seconds; \`mtime\` of a file has more, and a sidecar is
shown as it is stored, with the fields that it has.
\`dockform-output.schema.json\`, which is in the package, describes all of them to programs. Every \`--json\` output of the
tests is checked against it. A field without "or null" is always there; one marked *optional* may be missing.

This page is written by \`npm run schema\`.
`;

/** docs/json.md. */
export function jsonPage(): string {
  return [INTRODUCTION, ...schemas.map(section)].join("\n");
}

function section({ name, schema }: (typeof schemas)[number]): string {
  const title = name === "error" ? "Errors" : `\`${name}\``;
  const rows = [["Field", "Type", "Meaning"], ["-", "-", "-"], ...rowsOf(schema, "")];
  return `## ${title}\n\n${rows.map(line).join("\n")}\n`;
}

type Row = readonly [field: string, type: string, meaning: string];

/** The fields of an object, each with those below it. */
function rowsOf(schema: JsonSchema, above: string): readonly Row[] {
  const required = new Set(schema.required);
  return Object.entries(schema.properties ?? {}).flatMap(([name, value]) => {
    if (typeof value === "boolean") return [];
    const path = `${above}${name}`;
    const { type, meaning, below, isList } = described(value);
    const optional = required.has(name) ? "" : "*optional* ";
    const row: Row = [`\`${path}\``, optional + type, meaning];
    // docs/format.md has the fields of a sidecar.
    if (name === "sidecar" || below === undefined) return [row];
    return [row, ...rowsOf(below, `${path}${isList ? "[]" : ""}.`)];
  });
}

interface Described {
  readonly type: string;
  readonly meaning: string;
  readonly below: JsonSchema | undefined;
  readonly isList: boolean;
}

function described(schema: JsonSchema): Described {
  const alternatives = (schema.anyOf ?? []).filter((each) => typeof each === "object");
  if (alternatives.length > 0) {
    const parts = alternatives.map(described);
    const [first] = parts;
    return {
      type: parts.map(({ type }) => type).join(" or "),
      meaning: schema.description ?? first?.meaning ?? "",
      below: parts.find(({ below }) => below !== undefined)?.below,
      isList: first?.isList ?? false,
    };
  }
  const meaning = schema.description ?? "";
  const { items } = schema;
  if (schema.type === "array" && typeof items === "object" && !Array.isArray(items)) {
    const item = described(items);
    return { type: `list of ${plural(item.type)}`, meaning, below: item.below, isList: true };
  }
  const below = schema.properties === undefined ? undefined : schema;
  return { type: typeOf(schema), meaning, below, isList: false };
}

function typeOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map(literal).join(", ");
  if (schema.const !== undefined) return literal(schema.const);
  if (schema.format === "date-time") return "time";
  return String(schema.type);
}

function literal(value: unknown): string {
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}

function plural(type: string): string {
  return type.startsWith("list") ? type.replace("list", "lists") : `${type}s`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", String.raw`\|`)).join(" | ")} |`;
}
