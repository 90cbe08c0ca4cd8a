import type { HelperProgress } from "../../helper/reply.ts";
import type { ProgressTask, StartProgress } from "../../tools.ts";
import type { StartWait } from "../../wait.ts";
import type { CliIo, OutputStream } from "../io.ts";
import { columnsOf } from "./layout.ts";
import { progressBar, progressText, waitBar, waitText, type TaskState } from "./progress.ts";
import {
  clearedLines,
  coloured,
  shownLine,
  shownLines,
  shownPart,
  type ShownText,
  type Style,
} from "./shown-text.ts";

const REDRAW_MS = 100;
/** How often a task is told of where there is no terminal. */
const TELL_MS = 30_000;
/** When a wait is told of there. */
const TELL_WAIT_MS = 3_000;
/** More would push what was said before out of sight. */
const MOST_BARS = 8;

/** Colours a text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

/** Colours where the stream is a terminal, or always; NO_COLOR and --no-color are obeyed. */
export function painter(stream: OutputStream, io: CliIo, colour: boolean, always = false): Paint {
  const shown = always || (stream.isTTY === true && io.env["TERM"] !== "dumb");
  const wanted = shown && colour && !io.env["NO_COLOR"];
  return (style, text) => (wanted ? coloured(style, text) : text);
}

interface RunningTask {
  readonly label: string;
  readonly startedMs: number;
  /** `undefined` for what is only waited for. */
  progress: HelperProgress | undefined;
  /** How long it takes at most, where that is known. */
  readonly limitMs?: number | undefined;
}

/**
 * Standard error: lines that stay, and on a terminal a bar for each task below them, redrawn a few
 * times a second. Elsewhere a task that takes long is told of now and then.
 */
export class StatusArea {
  readonly #stream: OutputStream;
  readonly #live: boolean;
  readonly #quiet: boolean;
  readonly #announce: (text: string) => void;
  readonly #tasks = new Set<RunningTask>();
  #timer: NodeJS.Timeout | undefined;
  #linesDrawn = 0;
  #gaveWay = false;
  #questions = 0;

  /**
   * @param quiet nothing is told of tasks.
   * @param announce takes what is told of a task where there is no terminal.
   */
  constructor(stream: OutputStream, quiet: boolean, announce: (text: string) => void) {
    this.#stream = stream;
    this.#quiet = quiet;
    this.#live = stream.isTTY === true;
    this.#announce = announce;
  }

  write(text: ShownText): void {
    this.clear();
    if (this.#questions > 0) this.#endLine();
    this.#stream.write(text);
  }

  /** Goes to a line of its own, after keys were pressed that the terminal shows: `^C`. */
  passKeys(): void {
    if (this.#linesDrawn > 0) this.clear();
    else if (this.#questions === 0) this.#endLine();
  }

  /** Draws nothing until it is disposed of, while somebody types at the end of a line. */
  question(): Disposable {
    this.clear();
    this.#questions += 1;
    return {
      [Symbol.dispose]: () => {
        this.#questions -= 1;
      },
    };
  }

  /** Takes the bars away before something else is written to the same terminal. They are drawn again below it. */
  clear(): void {
    if (this.#linesDrawn === 0) return;
    this.#stream.write(clearedLines(this.#linesDrawn - 1));
    this.#linesDrawn = 0;
  }

  /** Draws nothing any more: what follows on the terminal is the result itself. */
  giveWay(): void {
    this.clear();
    this.#gaveWay = true;
  }

  readonly startProgress: StartProgress = (label, totalBytes): ProgressTask => {
    const progress: HelperProgress = totalBytes === undefined ? {} : { totalBytes };
    const task = { label: shownPart(label), startedMs: performance.now(), progress };
    this.#begin(task);
    return {
      advance: (bytes) => {
        const { bytes: before = 0 } = task.progress;
        task.progress = { ...task.progress, bytes: before + bytes };
      },
      report: (more) => {
        task.progress = { ...task.progress, ...more };
      },
      end: () => this.#end(task),
    };
  };

  readonly startWait: StartWait = (what, limitMs) => {
    const startedMs = performance.now();
    const task = { label: shownPart(what), startedMs, progress: undefined, limitMs };
    this.#begin(task);
    const telling = this.#live
      ? undefined
      : setTimeout(() => this.#announce(waitText(what, limitMs)), TELL_WAIT_MS);
    return () => {
      clearTimeout(telling);
      this.#end(task);
    };
  };

  #begin(task: RunningTask): void {
    this.#tasks.add(task);
    if (this.#quiet) return;
    this.#timer ??= this.#live
      ? setInterval(() => this.#draw(), REDRAW_MS)
      : setInterval(() => this.#tell(), TELL_MS);
  }

  #end(task: RunningTask): void {
    this.#tasks.delete(task);
    if (this.#tasks.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.clear();
  }

  #draw(): void {
    if (this.#gaveWay || this.#questions > 0) return;
    const columns = columnsOf(this.#stream) ?? 0;
    const lines = [...this.#tasks].slice(0, MOST_BARS).map((task) => drawn(task, columns));
    this.clear();
    this.#stream.write(shownLines(lines.slice(0, -1)));
    this.#stream.write(shownLine(lines.at(-1) ?? ""));
    this.#linesDrawn = lines.length;
  }

  #tell(): void {
    for (const task of this.#tasks) {
      const { progress } = task;
      if (progress !== undefined && performance.now() - task.startedMs >= TELL_MS / 2) {
        this.#announce(progressText(stateOf(task, progress)));
      }
    }
  }

  #endLine(): void {
    if (this.#live) this.#stream.write(shownLines([""]));
  }
}

function drawn(task: RunningTask, columns: number): string {
  const { label, startedMs, limitMs, progress } = task;
  return progress === undefined
    ? waitBar(label, performance.now() - startedMs, limitMs, columns)
    : progressBar(stateOf(task, progress), columns);
}

function stateOf({ label, startedMs }: RunningTask, progress: HelperProgress): TaskState {
  return { label, elapsedMs: performance.now() - startedMs, ...progress };
}
