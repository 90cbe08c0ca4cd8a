import type { Range } from "./source.ts";

const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;
// Lone surrogates, because text that was decoded from bytes never holds any.
const OPEN = "\uD800";
const CLOSE = "\uDFFF";
const MASKED = new RegExp(`\\$${OPEN}(\\w+)${CLOSE}`, "g");

/** The values that `${NAME}` may be replaced by. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable without a value, and where it is used first. */
export interface UnsetVariable {
  readonly name: string;
  readonly offset: number;
}

/**
 * Hides the braces of every `${NAME}` from the YAML parser, character for
 * character, so that offsets stay true and `{ device: ${DEVICE} }` is not taken
 * for a nested map: manifests rely on it, since their first tool replaced
 * variables before it parsed.
 */
export function mask(text: string): string {
  return text.toWellFormed().replace(VARIABLE, (_, name: string) => `$${OPEN}${name}${CLOSE}`);
}

/** Undoes `mask`, for text that is not interpolated. */
export function unmask(text: string): string {
  return text.replace(MASKED, (_, name: string) => `\${${name}}`);
}

/** Replaces the variables of masked text and remembers which of them had no value. */
export class Interpolator {
  readonly #masked: string;
  readonly #environment: Environment;
  readonly #unset: UnsetVariable[] = [];

  /** `masked` is the whole masked document: it tells where in a scalar a variable stands. */
  constructor(masked: string, environment: Environment) {
    this.#masked = masked;
    this.#environment = environment;
  }

  /** `text` is the value of the scalar whose source is `range`. */
  replace(text: string, range: Range): string {
    return text.replace(MASKED, (_, name: string) => {
      // A name such as "constructor" must not find what every object inherits.
      const value = Object.hasOwn(this.#environment, name) ? this.#environment[name] : undefined;
      if (value === undefined) this.#recordUnset(name, range);
      return value ?? "";
    });
  }

  /** Each variable that had no value once, in the order of the file. */
  unset(): readonly UnsetVariable[] {
    const ordered = this.#unset.toSorted((a, b) => a.offset - b.offset);
    const seen = new Set<string>();
    return ordered.filter(({ name }) => !seen.has(name) && seen.add(name));
  }

  #recordUnset(name: string, range: Range): void {
    const offset = this.#masked.indexOf(`$${OPEN}${name}${CLOSE}`, range.start);
    this.#unset.push({ name, offset });
  }
}
