import { DockformError, type Advice } from "../errors.ts";
import type { Allowance } from "../advice.ts";

/** What has to be allowed for an operation to go on. */
export function goOn(...allow: readonly Allowance[]): Advice {
  return { code: "go-on", allow };
}

/**
 * Refusals that do not depend on each other: those that can be allowed are collected, so that a person is told of all
 * at once.
 */
export class Refusals {
  readonly #volume: string;
  readonly #found: DockformError[] = [];

  constructor(volume: string) {
    this.#volume = volume;
  }

  get isEmpty(): boolean {
    return this.#found.length === 0;
  }

  /** Makes a check. A refusal that can be allowed is kept for later, any other error is thrown. */
  collect(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof DockformError) || allowances(error).length === 0) throw error;
      this.#found.push(error);
    }
  }

  /** All that were collected as one error; `undefined` where there are none. */
  get error(): DockformError | undefined {
    return joined(this.#volume, this.#found);
  }

  /** @throws DockformError for what was collected. */
  throwIfAny(): void {
    const { error } = this;
    if (error !== undefined) throw error;
  }

  /** Makes checks of which one may refuse what cannot be allowed: that is told together with what was collected. */
  async during<T>(checks: () => Promise<T>): Promise<T> {
    try {
      return await checks();
    } catch (error) {
      if (!(error instanceof DockformError) || error.kind !== "refused") throw error;
      throw joined(this.#volume, [...this.#found, error]);
    }
  }
}

/** What {@link Refusals.error} was made of. */
class RefusedError extends DockformError {
  readonly reasons: readonly DockformError[];

  constructor(reasons: readonly DockformError[], volume: string) {
    const messages = reasons.map(({ message }) => message).join("; ");
    const message = `volume "${volume}" was not restored, for ${reasons.length} reasons: ${messages}`;
    super("restore.refused", message, {
      hint: ["Nothing was touched.", ...hintsOf(reasons)].join(" "),
      advice: adviceOf(reasons),
      data: {
        ...Object.assign({}, ...reasons.map(({ data }) => data)),
        refusals: reasons.map(({ code, message: text }) => ({ code, message: text })),
      },
    });
    this.reasons = reasons;
  }
}

/** One by one. */
export function reasonsOf(refusal: DockformError): readonly DockformError[] {
  return refusal instanceof RefusedError ? refusal.reasons : [refusal];
}

function joined(volume: string, errors: readonly DockformError[]): DockformError | undefined {
  return errors.length > 1 ? new RefusedError(errors, volume) : errors[0];
}

/** One that cannot be allowed has its own way out, which comes first. */
function adviceOf(errors: readonly DockformError[]): readonly Advice[] {
  const all = errors.flatMap(allowances);
  const others = errors.filter((error) => allowances(error).length === 0);
  return [...others.flatMap(({ advice }) => advice), goOn(...all)];
}

function hintsOf(errors: readonly DockformError[]): readonly string[] {
  return errors.flatMap((error) =>
    allowances(error).length > 0 || error.hint === undefined ? [] : error.hint,
  );
}

function allowances({ advice }: DockformError): readonly Allowance[] {
  return advice.flatMap((each) => (each.code === "go-on" ? each.allow : []));
}
