import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { stringify } from "yaml";
import { DockformError } from "../errors.ts";
import type { Manifest } from "./manifest.ts";
import { parseManifest } from "./parse.ts";

const LIMIT = { timeout: 60_000 };

/** Pieces that together look like a manifest often enough to get deep into the reader. */
const piece = fc.oneof(
  fc.constantFrom("volumes:", "contexts:", "docker:", "filesets:", "stacks:", "sops:", "helper:"),
  fc.constantFrom(
    "identifier: x",
    "context: aa",
    "driver:",
    "labels:",
    "host: ssh://x",
    "image: i",
  ),
  fc.constantFrom("aa:", "bb: {", "}", "[", "]", ",", ": ", "? ", "- ", "target_volume: vv"),
  fc.constantFrom("*a", "&a ", "<<: *a", "!t ", "!!str ", "~", "true", "0x1", "${X}", "${Y}"),
  fc.constantFrom("\n", "\n  ", "\n    ", "\r\n", "\t", '"', "'", "|\n", ">\n", "# c"),
  fc.constantFrom("---\n", "...\n", "%YAML 1.1\n", "\uFEFF", "\u0000"),
  fc.string({ unit: "binary", maxLength: 5 }),
);
const junk = fc.oneof(
  fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join("")),
  fc.string({ unit: "binary", maxLength: 200 }),
);

function parse(text: string, env: Readonly<Record<string, string>> = {}): Manifest {
  return parseManifest(text, { file: "dockform.yml", env }).manifest;
}

function isProblem(value: unknown): value is { line: number; column: number; text: string } {
  return typeof value === "object" && value !== null && "line" in value && "text" in value;
}

function problemsOf(error: unknown): readonly { line: number; column: number; text: string }[] {
  assert.ok(error instanceof DockformError, String(error));
  assert.equal(error.kind, "manifest");
  assert.ok(Array.isArray(error.data["problems"]));
  const problems: readonly unknown[] = error.data["problems"];
  assert.ok(problems.length > 0);
  return problems.filter(isProblem);
}

test("any text is a manifest or problems that point at their text, in order", LIMIT, () => {
  fc.assert(
    fc.property(junk, (text) => {
      try {
        assert.ok(parse(text, { X: "xx" }).contexts.length > 0);
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        const lines = text.replace(/^\uFEFF/, "").split("\n");
        const places = problemsOf(error).map(({ line, column, text: part }) => {
          const rest = (lines[line - 1] ?? "").slice(column - 1);
          assert.ok(rest.startsWith(part), `${line}:${column} ${part}`);
          return line * 1e6 + column;
        });
        assert.deepEqual(
          places,
          places.toSorted((a, b) => a - b),
        );
      }
    }),
    { numRuns: 3000 },
  );
});

const name = fc.stringMatching(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,12}$/);
// "<<" without quotes is the merge key, and the writer does not quote it.
const key = fc
  .string({ minLength: 1, maxLength: 8 })
  .filter((text) => !text.includes("${") && text !== "<<");
const value = fc.string({ unit: "grapheme", maxLength: 12 }).filter((text) => !/\$\{/.test(text));
const options = fc.dictionary(key, value, { maxKeys: 3, noNullPrototype: true });
const spec = fc.record(
  { driver: fc.constantFrom("local", "nfs"), driver_opts: options, labels: options },
  { requiredKeys: [], noNullPrototype: true },
);
const volumes = fc
  .uniqueArray(fc.tuple(name, fc.option(spec)), { selector: ([each]) => each, maxLength: 4 })
  .map((entries) => new Map(entries));
const contexts = fc
  .uniqueArray(fc.tuple(name, volumes), { selector: ([each]) => each, minLength: 1, maxLength: 3 })
  .map((entries) => new Map(entries));
const layout = fc.record({
  collectionStyle: fc.constantFrom("any", "block", "flow"),
  defaultStringType: fc.constantFrom("PLAIN", "QUOTE_DOUBLE"),
  lineWidth: fc.constantFrom(0, 80),
  indent: fc.integer({ min: 1, max: 8 }),
} as const);

/** A parsed context in the words of the manifest, with everything said. */
function said(context: Manifest["contexts"][number] | undefined): unknown {
  return [...(context?.volumes ?? [])].map(([volume, { driver, driverOpts, labels }]) => [
    volume,
    { driver, driver_opts: driverOpts, labels },
  ]);
}

function expected(declared: ReadonlyMap<string, object | null>): unknown {
  const none = { driver: "local", driver_opts: {}, labels: {} };
  const entries = [...declared].map(([volume, given]) => [volume, { ...none, ...given }] as const);
  // Whole numbers come first, as they do among the keys of any object.
  const order = Object.keys(Object.fromEntries(entries));
  return entries.toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b));
}

test("what is written as YAML is read back, in any layout", LIMIT, () => {
  fc.assert(
    fc.property(contexts, layout, (declared, style) => {
      const content = {
        contexts: new Map([...declared].map(([context, each]) => [context, { volumes: each }])),
      };
      const manifest = parse(stringify(content, style));
      for (const context of manifest.contexts) {
        assert.deepEqual(said(context), expected(declared.get(context.name ?? "") ?? new Map()));
      }
      assert.equal(manifest.contexts.length, declared.size);
      const [[, first] = ["", new Map()]] = declared;
      assert.deepEqual(
        said(parse(stringify({ volumes: first }, style)).contexts[0]),
        expected(first),
      );
    }),
  );
});

test("a wrong key is found at its place in a manifest that is right otherwise", LIMIT, () => {
  fc.assert(
    fc.property(volumes, layout, fc.nat(), (declared, style, at) => {
      const wrong = new Map<string, unknown>(declared);
      wrong.set("wrong", { "no such key": 1 });
      const entries = [...wrong];
      entries.splice(at % entries.length, 0, ...entries.splice(-1));
      const text = stringify({ volumes: new Map(entries) }, style);
      try {
        parse(text);
        assert.fail("accepted");
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        const [problem, ...others] = problemsOf(error);
        const line = text.split("\n")[(problem?.line ?? 0) - 1] ?? "";
        assert.match(line.slice((problem?.column ?? 0) - 1), /^"?no such key"?:/);
        assert.deepEqual(others, []);
      }
    }),
  );
});

test("a variable's value arrives as it is, quoted or not", LIMIT, () => {
  const held = fc.string({ unit: "binary" }).filter((text) => !/^(~|null|Null|NULL)?$/.test(text));
  fc.assert(
    fc.property(held, (text) => {
      const labels = "{ plain: ${V}, double: \"${V}\", single: 'x${V}' }";
      const manifest = parse(`volumes: { data: { labels: ${labels} } }`, { V: text });
      assert.deepEqual(manifest.contexts[0]?.volumes.get("data")?.labels, {
        plain: text,
        double: text,
        single: `x${text}`,
      });
    }),
  );
});
