import { openSync, writeSync } from "node:fs";
import { DockformError, messageOf, type Advice } from "../../errors.ts";
import type { Log, LogLevel } from "../../log.ts";
import { adviceLines, adviceText } from "../advice.ts";
import type { Call } from "../call.ts";
import type { CliIo } from "../io.ts";
import { columnsOf, laidOut, wrapped } from "./layout.ts";
import { shownJson, shownLines } from "./shown-text.ts";
import type { Paint, StatusArea } from "./terminal.ts";
import { textWidth } from "./width.ts";

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
    this.#write("debug", { lines: [message] });
  }

  info(message: string): void {
    this.#write("info", { lines: [message] });
  }

  /** What has to be known however little is to be logged: what a question is about, that the command is interrupted. */
  notice(message: string): void {
    this.#write("info", { lines: [message] }, true);
  }

  warn(message: string, ...advice: readonly Advice[]): void {
    if (advice.length === 0) return this.#write("warn", { lines: [message] });
    const about = { hint: `${message}.`, advice };
    const { call } = this.#options;
    return this.#write("warn", { lines: adviceLines(about, call), text: adviceText(about, call) });
  }

  /** An error that ends the command, with what to do about it. */
  error(error: DockformError): void {
    const { call } = this.#options;
    this.#write("error", {
      lines: error.lines,
      advice: adviceLines(error, call),
      hint: adviceText(error, call),
    });
    for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
      this.#write("debug", { lines: [`caused by: ${messageOf(cause)}`] });
    }
  }

  #write(level: LogLevel, said: LogMessage, always = false): void {
    const isWanted = LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(this.#options.level);
    if (!isWanted && !always) return;
    const { lines, text: message = lines.join("\n"), advice = [], hint } = said;
    const time = this.#io.now().toISOString();
    const json = shownJson({ time, level, message, hint });
    this.#writeToFile(json);
    if (this.#options.format === "json") {
      this.#status.write(json);
      return;
    }
    const columns = columnsOf(this.#io.stderr);
    this.#status.write(shownLines(messageLines(this.#prefix(level), lines, advice, columns)));
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

/** What is logged at once. */
interface LogMessage {
  readonly lines: readonly string[];
  /** The lines as one text, where that is not what they are with line ends between them. */
  readonly text?: string | undefined;
  /** Lines on what to do about it, and the same as one text. */
  readonly advice?: readonly string[];
  readonly hint?: string | undefined;
}

/** A message with its level before it, and below it, further in, what to do about it. */
export function messageLines(
  prefix: string,
  [first = "", ...more]: readonly string[],
  advice: readonly string[],
  columns: number | undefined,
): readonly string[] {
  const indented = advice.map((line) => `  ${line}`);
  return [
    ...underPrefix(prefix, first, columns),
    ...laidOut(more, columns),
    ...laidOut(indented, columns, 0),
  ];
}

/** The lines after the first begin where its message does. */
function underPrefix(
  prefix: string,
  message: string,
  columns: number | undefined,
): readonly string[] {
  if (columns === undefined) return [`${prefix}${message}`];
  if (prefix === "") return laidOut([message], columns);
  return wrapped(message, { columns, first: prefix, rest: textWidth(prefix) });
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
