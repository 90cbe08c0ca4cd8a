import { DockformError, messageOf, stackOf, unexpected } from "../errors.ts";
import { showable } from "../showable.ts";

/** A second one so soon is the same press of the keys: npx passes on what the terminal has sent to all. */
const SAME_PRESS_MS = 1000;

/** What is to be told when a person, or the system, asks the program to end. */
export type InterruptionMoment =
  /** Ends in order. `byKeys` where keys were pressed, and can be pressed again. */
  | { readonly kind: "begins"; readonly byKeys: boolean }
  /** Was asked again, and ends in order all the same. */
  | { readonly kind: "goes on" }
  /** Ends at once, with nothing undone. */
  | { readonly kind: "ends" };

/** Tells people what happens to the process; it must not throw. */
export interface InterruptionTeller {
  readonly interrupted: (moment: InterruptionMoment) => void;
  /** Lines on a bug of ours. */
  readonly defect: (lines: readonly string[]) => void;
}

/** Signals that end the program, and what is told of them by whoever writes to the terminal at that time. */
export class Interruption {
  #teller: InterruptionTeller;
  readonly #endAtOnce: () => void;
  readonly #controller = new AbortController();
  #firstMs: number | undefined;

  /**
   * @param teller tells of it until there is another one.
   * @param endAtOnce ends the process.
   */
  constructor(teller: InterruptionTeller, endAtOnce: () => void) {
    this.#teller = teller;
    this.#endAtOnce = endAtOnce;
  }

  /** Aborted by the first signal, or by a bug; its reason is the error to end with. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now on another one tells of it. */
  tellBy(teller: InterruptionTeller): void {
    this.#teller = teller;
  }

  /** Keys pressed a second time end the program at once: an engine that hangs would never let it end in order. */
  receive(name: NodeJS.Signals): void {
    const byKeys = name === "SIGINT";
    if (this.#firstMs === undefined) {
      this.#firstMs = performance.now();
      this.#teller.interrupted({ kind: "begins", byKeys });
      this.#controller.abort(new DockformError("command.interrupted", "interrupted"));
    } else if (!byKeys) {
      this.#teller.interrupted({ kind: "goes on" });
    } else if (performance.now() - this.#firstMs >= SAME_PRESS_MS) {
      this.#teller.interrupted({ kind: "ends" });
      this.#endAtOnce();
    }
  }

  /** Even a defect must not leave containers stopped: it ends the command by the same way. */
  defect(error: unknown): void {
    // At once: a command that hangs does not come to tell it.
    this.tellDefect(unexpected(stackOf(error), error).lines);
    this.#controller.abort(unexpected(showable(messageOf(error)), error));
  }

  tellDefect(lines: readonly string[]): void {
    this.#teller.defect(lines);
  }
}
