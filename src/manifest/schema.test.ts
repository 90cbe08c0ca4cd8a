import assert from "node:assert/strict";
import { test } from "node:test";
import committed from "../../dockform.schema.json" with { type: "json" };
import { manifestJsonSchema } from "../../scripts/write-schema.ts";

test("dockform.schema.json is what `npm run schema` writes", () => {
  assert.deepEqual(committed, JSON.parse(JSON.stringify(manifestJsonSchema())));
});

test("an editor can complete every key with a description", () => {
  for (const [key, { description }] of Object.entries(committed.properties)) {
    assert.ok(description.length > 0, key);
  }
  assert.deepEqual(Object.keys(committed.properties).slice(0, 6), [
    "identifier",
    "docker",
    "contexts",
    "volumes",
    "store",
    "helper",
  ]);
});

test("an editor marks unknown keys and bad names, but takes variables", () => {
  assert.equal(committed.additionalProperties, false);
  const [context] = committed.properties.contexts.additionalProperties.anyOf;
  assert.equal(context?.additionalProperties, false);
  const pattern = new RegExp(committed.properties.contexts.propertyNames.pattern);
  assert.ok(pattern.test("hetzner-two"));
  assert.ok(pattern.test("${HOST}-two"));
  assert.ok(!pattern.test("a b"));
});
