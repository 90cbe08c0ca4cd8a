import { openSync, writeSync } from "node:fs";
import { DockformError, messageOf, type Advice } from "../../errors.ts";
import type { Log, LogLevel } from "../../log.ts";
import { adviceLines, inOneText } from "../advice.ts";
import type { Call } from "../call.ts";
import type { CliIo } from "../io.ts";
import { shownJson, shownLines } from "./shown-text.ts";
import type { Paint, StatusArea } from "./terminal.ts";

export type LogFormat = "auto" | "pretty" | "json";

export const LOG_LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];
export const LOG_FORMATS: readonly LogFormat[] = ["auto", "pretty", "json"];

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  /** A copy of every line goes here, as JSON. */
  readonly file: string | undefined;
  /** For advice. */
  readonly call: Call;
}

/**
 * Log lines go to standard error: as JSON, a document a line, or for people (`warning: ...`), with
 * colours on a terminal (`auto`) or everywhere (`pretty`). The log file always gets JSON.
 */
export class Logger implements Log {
  readonly #io: CliIo;
  readonly #status: StatusArea;
  readonly #paint: Paint;
  readonly #options: LoggerOptions;
  #file: number | undefined;

  /** @throws DockformError `usage` when the log file cannot be opened. */
  constructor(io: CliIo, status: StatusArea, paint: Paint, options: LoggerOptions) {
    this.#io = io;
    this.#status = status;
    this.#paint = paint;
    this.#options = options;
    this.#file = options.file === undefined ? undefined : openLogFile(options.file);
  }

  debug(message: string): void {
    this.#write("debug", [message]);
  }

  info(message: string): void {
    this.#write("info", [message]);
  }

  warn(message: string, ...advice: readonly Advice[]): void {
    const [first, ...list] = adviceLines({ advice }, this.#options.call);
    this.#write("warn", [first === undefined ? message : `${message}. ${first}`, ...list]);
  }

  /** An error that ends the command, with what to do about it. */
  error(error: DockformError): void {
    this.#write("error", error.lines, adviceLines(error, this.#options.call));
    for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
      this.#write("debug", [`caused by: ${messageOf(cause)}`]);
    }
  }

  #write(level: LogLevel, lines: readonly string[], advice: readonly string[] = []): void {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(this.#options.level)) return;
    const time = this.#io.now().toISOString();
    const hint = advice.length === 0 ? {} : { hint: inOneText(advice) };
    const json = shownJson({ time, level, message: lines.join("\n"), ...hint });
    this.#writeToFile(json);
    this.#status.write(
      this.#options.format === "json" ? json : shownLines(this.#pretty(level, lines, advice)),
    );
  }

  #pretty(
    level: LogLevel,
    [first = "", ...rest]: readonly string[],
    advice: readonly string[],
  ): readonly string[] {
    return [`${this.#prefix(level)}${first}`, ...rest, ...advice.map((line) => `  ${line}`)];
  }

  /** A log file that cannot be written to any more must not stop the work. */
  #writeToFile(line: string): void {
    if (this.#file === undefined) return;
    try {
      writeSync(this.#file, line);
    } catch (error) {
      this.#file = undefined;
      this.warn(`no longer writing to the log file: ${messageOf(error)}`);
    }
  }

  #prefix(level: LogLevel): string {
    switch (level) {
      case "debug":
        return this.#paint("dim", "debug: ");
      case "info":
        return "";
      case "warn":
        return this.#paint("yellow", "warning: ");
      case "error":
        return this.#paint("red", "error: ");
    }
  }
}

function openLogFile(file: string): number {
  try {
    return openSync(file, "a", 0o600);
  } catch (error) {
    throw new DockformError(
      "log.unwritable",
      `cannot write to the log file ${file}: ${messageOf(error)}`,
      {
        hint: "Name another file with --log-file.",
        cause: error,
      },
    );
  }
}
