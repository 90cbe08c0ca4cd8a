/**
 * Writes the JSON Schema of the manifest, for editors, and that of the documents that `--json` prints, with
 * docs/json.md. With `--check` it writes nothing and exits with 1 when one of them is stale.
 */
import { toJsonSchema, type ConversionConfig, type JsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import { manifestSchema } from "../src/manifest/schema.ts";
import { writeOrCheck } from "./generated.ts";
import { jsonPage, outputJsonSchema } from "./json-page.ts";

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

if (import.meta.main) {
  writeOrCheck("dockform.schema.json", JSON.stringify(manifestJsonSchema(), undefined, 2));
  writeOrCheck("dockform-output.schema.json", outputJsonSchema());
  writeOrCheck("docs/json.md", jsonPage());
}
