/** Takes a value of an answer for what it should be. @throws ShapeError, where `at` is the value's place in the answer. */
export type Shape<T> = (value: unknown, at: string) => T;

/** What a shape makes of a value. */
export type Shaped<S> = S extends Shape<infer T> ? T : never;

/** An answer is not what it should be: `Volumes[2].Name is not a text`. */
class ShapeError extends Error {
  override readonly name = "ShapeError";

  constructor(at: string, wanted: string) {
    super(`${at === "" ? "the answer" : at} is not ${wanted}`);
  }
}

export const text: Shape<string> = (value, at) => {
  if (typeof value === "string") return value;
  throw new ShapeError(at, "a text");
};

export const number: Shape<number> = (value, at) => {
  if (typeof value === "number") return value;
  throw new ShapeError(at, "a number");
};

export const flag: Shape<boolean> = (value, at) => {
  if (typeof value === "boolean") return value;
  throw new ShapeError(at, "true or false");
};

/** One of these texts. */
export function oneOf<T extends string>(texts: readonly T[]): Shape<T> {
  return (value, at) => {
    const found = texts.find((each) => each === value);
    if (found === undefined) throw new ShapeError(at, `one of ${texts.join(", ")}`);
    return found;
  };
}

/** Anything at all. */
export const anything: Shape<unknown> = (value) => value;

export function listOf<T>(item: Shape<T>): Shape<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw new ShapeError(at, "a list");
    return value.map((each: unknown, i) => item(each, `${at}[${i}]`));
  };
}

/** An object whose fields are not known, of values that are alike: labels, options. */
export function recordOf<T>(item: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value, at) =>
    Object.fromEntries(
      Object.entries(asObject(value, at)).map(([key, each]) => [key, item(each, `${at}{}`)]),
    );
}

/** An object of these fields; others are left out. */
export function objectOf<T extends object>(fields: {
  readonly [K in keyof T]: Shape<T[K]>;
}): Shape<T> {
  const shapes = Object.entries<Shape<unknown>>(fields);
  return (value, at) => {
    const found = asObject(value, at);
    const read = shapes.map(([key, shape]) => [
      key,
      shape(found[key], at === "" ? key : `${at}.${key}`),
    ]);
    // Each field has its shape's type.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    return Object.fromEntries(read) as T;
  };
}

/** What may be `null`, which is how an engine says that there is nothing, or missing. */
export function optional<T>(shape: Shape<T>): Shape<T | undefined> {
  return (value, at) => (value === undefined || value === null ? undefined : shape(value, at));
}

/** What may be `null`, but is there. */
export function nullable<T>(shape: Shape<T>): Shape<T | null> {
  return (value, at) => (value === null ? null : shape(value, at));
}

function asObject(value: unknown, at: string): Readonly<Record<string, unknown>> {
  if (isObject(value)) return value;
  throw new ShapeError(at, "an object");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
