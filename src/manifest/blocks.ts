import * as v from "valibot";
import { didYouMean, quoted } from "./problem.ts";
import { nearest } from "../nearest.ts";

/** A number or a boolean that is written without quotes, kept as written. */
export class Unquoted {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/**
 * Whether a value is a YAML map. They come as objects without a prototype, so
 * that a key such as `constructor` is like any other.
 */
function isMapping(input: unknown): input is Readonly<Record<string, unknown>> {
  return typeof input === "object" && input !== null && Object.getPrototypeOf(input) === null;
}

/** A map with known keys, all of them optional. Every unknown key is reported, not only the first. */
export function fields<const Entries extends v.ObjectEntries>(entries: Entries) {
  const known = v.pipe(
    v.custom<v.InferInput<v.ObjectSchema<Entries, undefined>>>(isMapping, mustBe("a map")),
    v.object(entries),
  );
  const unknown = v.pipe(
    v.unknown(),
    v.rawCheck(({ dataset, addIssue }) => {
      const input = dataset.value;
      if (!isMapping(input)) return;
      for (const key of Object.keys(input)) {
        if (Object.hasOwn(entries, key)) continue;
        const suggestion = nearest(key, Object.keys(entries));
        addIssue({
          message: `unknown key ${quoted(key)}${didYouMean(suggestion)}`,
          ...(suggestion === undefined ? {} : { expected: suggestion }),
          path: pathTo(key),
        });
      }
    }),
    v.transform(() => ({})),
  );
  return v.intersect([known, unknown]);
}

/** A map whose keys are names that the author chose. */
export function named<
  const Key extends v.GenericSchema<string, string>,
  const Value extends v.GenericSchema,
>(key: Key, value: Value) {
  return v.pipe(
    v.custom<Readonly<Record<string, v.InferInput<Value>>>>(isMapping, mustBe("a map")),
    v.transform((mapping) => new Map(Object.entries(mapping))),
    v.map(key, value),
  );
}

/** A number or a boolean without quotes, turned into text as it is written. */
export const unquoted = v.pipe(
  v.instance(Unquoted),
  v.transform(({ text }) => text),
);

type Path = [v.ObjectPathItem, ...v.ObjectPathItem[]];

/** An issue's path that points at a key, not at its value; the map it is in is at `above`. */
export function pathTo(key: string, above: readonly string[] = []): Path {
  const item = { type: "object", input: {}, value: undefined } as const;
  const end: v.ObjectPathItem = { ...item, origin: "key", key };
  const [first, ...rest] = above.map((name) => ({ ...item, origin: "value", key: name }) as const);
  return first === undefined ? [end] : [first, ...rest, end];
}

/** The message for text that is not text. */
export function mustBeText(issue: v.BaseIssue<unknown>): string {
  if (issue.input instanceof Unquoted) return "must be text; put it in quotes";
  return mustBe("text")(issue);
}

/** The message for a value of the wrong kind; the key it belongs to comes before it. */
export function mustBe(expected: string): (issue: v.BaseIssue<unknown>) => string {
  return ({ input }) => {
    if (input === null || input === undefined) return "must not be empty";
    return `must be ${expected}, not ${kindOf(input)}`;
  };
}

function kindOf(input: unknown): string {
  if (isMapping(input)) return "a map";
  if (Array.isArray(input)) return "a list";
  return input instanceof Unquoted ? "a number or a boolean" : "text";
}
