/**
 * Writes the JSON Schema of the manifest, for editors. With `--check` it writes
 * nothing and exits with 1 when the file is stale.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { toJsonSchema, type ConversionConfig, type JsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import { manifestSchema } from "../src/manifest/schema.ts";

const FILE = new URL("../dockform.schema.json", import.meta.url);
const VARIABLE = String.raw`\$\{[A-Za-z_][A-Za-z0-9_]*\}`;

const config: ConversionConfig = {
  target: "draft-07",
  // A map with chosen names is a pipe of two schemas; the converter complains, but it can.
  errorMode: "ignore",
  overrideSchema: ({ valibotSchema, jsonSchema }) => override(valibotSchema, jsonSchema),
  overrideAction: ({ valibotAction, jsonSchema }) =>
    // An editor sees `${NAME}` where the check sees what replaces it.
    valibotAction.type === "regex"
      ? { ...jsonSchema, pattern: `${jsonSchema.pattern}|${VARIABLE}` }
      : undefined,
};

/** The manifest's JSON Schema. */
export function manifestJsonSchema(): JsonSchema {
  return toJsonSchema(manifestSchema, config);
}

function override(schema: v.GenericSchema, converted: JsonSchema): JsonSchema | undefined {
  if (schema.type === "instance") return { type: ["number", "boolean"] };
  if (isMapSchema(schema)) {
    const propertyNames = part(schema.key);
    const additionalProperties = part(schema.value);
    return { ...converted, type: "object", propertyNames, additionalProperties };
  }
  if (schema.type !== "intersect") return undefined;
  // Of the two halves of a map with known keys, only the first says something to an editor.
  const [known] = converted.allOf ?? [];
  if (typeof known !== "object") return undefined;
  const { required: _, ...rest } = known;
  return { ...rest, additionalProperties: false };
}

type MapSchema = v.MapSchema<v.GenericSchema, v.GenericSchema, undefined>;

function isMapSchema(schema: v.GenericSchema): schema is MapSchema {
  return schema.type === "map";
}

function part(schema: v.GenericSchema): JsonSchema {
  const { $schema: _, ...converted } = toJsonSchema(schema, config);
  return converted;
}

/** JSON as the formatter of this project lays it out: lists of words stay on one line. */
function format(json: unknown): string {
  const text = JSON.stringify(json, undefined, 2);
  const lists = /\[\s+("[^"]*"(?:,\s+"[^"]*")*)\s+\]/g;
  return `${text.replace(lists, (_, words: string) => `[${words.replaceAll(/\s+/g, " ")}]`)}\n`;
}

function main(args: readonly string[]): void {
  const text = format(manifestJsonSchema());
  if (!args.includes("--check")) {
    writeFileSync(FILE, text);
  } else if (readFileSync(FILE, "utf8") !== text) {
    console.error("dockform.schema.json is stale; run `npm run schema`.");
    process.exitCode = 1;
  }
}

if (import.meta.main) main(process.argv.slice(2));
