import { DockformError } from "../errors.ts";
import type { OperationEvent, Phase } from "../events.ts";

/** How far a volume is: what an interruption at that point leads to. */
type Point =
  | "snapshot"
  | "nothing replaced"
  | "stopped"
  | "cleared"
  | "swapping"
  | "watching"
  | "going back"
  | "gone back"
  | "replaced";

interface Words {
  /** What the program does about an interruption. */
  readonly begins: string;
  /** What is in place when it ended at once, where that is known. */
  readonly ends?: string;
  /** What there is to do then, as a full sentence. */
  readonly hint: string;
  /** What is so when the operation ended with the interruption itself, and nothing else went wrong. */
  readonly over?: string;
  /** The command that puts in order what is left when it ended at once. */
  readonly repair?: string;
}

const RECOVER = "dockform volume recover";
const OLD_IN_PLACE = "the old contents are in place";
const WHOLE = `\`${RECOVER}\` puts old or new contents in place as a whole, and starts the containers.`;

const WORDS: Readonly<Record<Point, Words>> = {
  snapshot: {
    begins: "no snapshot is kept that is not complete",
    hint: "`dockform snapshot list` names what is left of a snapshot that was not complete.",
    over: "no snapshot was kept that was not complete",
  },
  "nothing replaced": {
    begins: "nothing was replaced, and what was extracted is removed",
    ends: "nothing was replaced",
    hint: `\`${RECOVER}\` removes what is left.`,
    over: "nothing was replaced",
    repair: RECOVER,
  },
  stopped: {
    begins: "the old contents stay, and containers are started again",
    ends: OLD_IN_PLACE,
    hint: `\`${RECOVER}\` starts the containers again.`,
    over: OLD_IN_PLACE,
    repair: RECOVER,
  },
  cleared: {
    begins:
      "the old contents are brought back from their snapshot, and containers are started again",
    hint: WHOLE,
    repair: RECOVER,
  },
  swapping: {
    begins:
      "the swap is finished; where containers are watched, the old contents are then put back",
    hint: WHOLE,
    repair: RECOVER,
  },
  watching: {
    begins: "the old contents are put back, and containers are started again",
    hint: WHOLE,
    repair: RECOVER,
  },
  "going back": {
    begins: "the old contents are being put back, which is finished first",
    hint: WHOLE,
    over: OLD_IN_PLACE,
    repair: RECOVER,
  },
  "gone back": {
    begins: "the old contents are in place again; what is left to remove is removed",
    hint: WHOLE,
    over: OLD_IN_PLACE,
    repair: RECOVER,
  },
  replaced: {
    begins: "the new contents stay; what they replaced is still removed, or kept",
    hint: WHOLE,
    repair: RECOVER,
  },
};

/** Where nothing is known, or different things are true of several volumes. */
const UNKNOWN: Words = {
  begins: "cleaning up",
  hint: "`dockform doctor` shows whether anything is left to do.",
  repair: "dockform doctor",
};

/** Says what an interruption leads to, from the phases that have begun. */
export class InterruptedPhase {
  readonly #points = new Map<string, Point>();

  note({ phase, volumes }: OperationEvent): void {
    for (const volume of volumes) {
      this.#points.set(volume, pointOf(phase, this.#points.get(volume)));
    }
  }

  /**
   * One line for when the first interruption comes.
   *
   * @param byKeys whether keys were pressed, which can be pressed again.
   */
  begins(byKeys: boolean): string {
    const { begins, repair } = this.#words();
    if (!byKeys) return `Interrupted: ${begins}.`;
    const after = repair === undefined ? "" : `; then \`${repair}\``;
    return `Interrupted: ${begins}. Ctrl-C again ends at once${after}.`;
  }

  /** The error of a command that ends at once. */
  ends(): DockformError {
    const { ends, hint } = this.#words();
    return interrupted(", and ended at once", ends, hint);
  }

  /** The error of a command that has ended with the interruption itself. */
  over(): DockformError {
    return interrupted("", this.#words().over);
  }

  #words(): Words {
    const points = new Set(this.#points.values());
    // Of volumes that are replaced together one is swapped after the other.
    if (points.has("swapping")) points.delete("stopped");
    const [point] = points;
    return point === undefined || points.size > 1 ? UNKNOWN : WORDS[point];
  }
}

function interrupted(how: string, truth: string | undefined, hint?: string): DockformError {
  const text = `interrupted${how}${truth === undefined ? "" : `: ${truth}`}`;
  return new DockformError("command.interrupted", text, hint === undefined ? {} : { hint });
}

function pointOf(phase: Phase, before: Point | undefined): Point {
  switch (phase) {
    case "snapshot":
      return "snapshot";
    case "check":
      return "nothing replaced";
    case "extract":
      // In place there is room for the new contents only once the old ones are gone.
      return before === "cleared" ? "cleared" : "nothing replaced";
    case "verify":
    case "safety":
    case "prove":
      return before ?? "nothing replaced";
    case "stop":
      return "stopped";
    case "clear":
      return "cleared";
    case "swap":
    case "start":
      return "swapping";
    case "health":
      return "watching";
    case "go-back":
      return "going back";
    case "clean-up":
      return before === "going back" ? "gone back" : "replaced";
  }
}
