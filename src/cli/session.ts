import { relative } from "node:path";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { VERSION } from "../version.ts";
import type { DockformError } from "../errors.ts";
import type { Surroundings } from "../app/surroundings.ts";
import type { Workspace } from "../app/workspace.ts";
import { formatLocalTime, shellWord } from "../format.ts";
import type { LogLevel } from "../log.ts";
import type { Tools } from "../tools.ts";
import { adviceText } from "./advice.ts";
import { Call } from "./call.ts";
import type { DocumentName, DocumentOf } from "./documents/documents.ts";
import type { CliIo } from "./io.ts";
import { InterruptedPhase } from "./interrupted-phase.ts";
import type { InterruptionMoment } from "./interruption.ts";
import { writeAll } from "./output/lines.ts";
import { columnsOf, laidOut } from "./output/layout.ts";
import { Logger } from "./output/logger.ts";
import { shownJson, shownLines, type ShownText } from "./output/shown-text.ts";
import { painter, StatusArea, type Paint } from "./output/terminal.ts";
import type { GlobalOptions } from "./spec/root.ts";

/** Begins a command: reads the flags that all commands take. */
export type Start = (command: StartedCommand) => Session;

type StartedCommand = { optsWithGlobals(): GlobalOptions } & CommandUnknownOpts;

/** Of commands that take `--store`. */
interface StoreOptions {
  readonly store?: string | undefined;
}

/** What a command works with: the process's edge, and how this call wants it used. */
export class Session {
  readonly io: CliIo;
  readonly options: GlobalOptions;
  /** For advice. */
  readonly call: Call;
  readonly log: Logger;
  /** Colours for standard output. */
  readonly paint: Paint;
  readonly tools: Tools;
  readonly #status: StatusArea;
  readonly #phase = new InterruptedPhase();
  #resultWritten = false;

  /** @throws DockformError `usage` when the log file cannot be opened. */
  constructor(io: CliIo, argv: readonly string[], command: StartedCommand) {
    const options = command.optsWithGlobals();
    this.io = io;
    this.options = options;
    this.call = new Call(argv, command, options);
    this.paint = painter(io.stdout, io, options.color);
    const paintLog = painter(io.stderr, io, options.color, options.logFormat === "pretty");
    const isQuiet = options.quiet === true;
    this.#status = new StatusArea(io.stderr, isQuiet, (text) => this.log.info(text));
    this.log = new Logger(io, this.#status, paintLog, {
      level: levelOf(options),
      format: options.logFormat,
      file: options.logFile,
      call: this.call,
    });
    this.tools = {
      log: this.log,
      emit: (event) => {
        this.#phase.note(event);
        this.log.debug(`phase: ${event.phase}`);
      },
      startProgress: this.#status.startProgress,
      startWait: this.#status.startWait,
      now: io.now,
      signal: io.interruption.signal,
      version: VERSION,
      temporaryFolder: io.temporaryFolder,
      // Few commands ask for it, and the system may look it up on the network.
      get client() {
        return io.client;
      },
      runsHere: io.runsHere,
    };
    io.interruption.tellBy({
      interrupted: (moment) => this.#interrupted(moment),
      defect: (lines) => this.#status.write(shownLines(lines)),
    });
  }

  /** The machine and the process, for use cases; what speaks to engines is loaded for those alone. */
  async surroundings(): Promise<Surroundings> {
    const connect = await this.io.loadConnect();
    const { env, cwd, homeFolder, temporaryFolder, platform, machine } = this.io;
    return {
      env,
      insecure: this.options.insecure === true,
      temporaryFolder,
      cwd,
      homeFolder,
      platform,
      machine,
      connect,
      tools: this.tools,
    };
  }

  /** How wide standard output is; `undefined` where it is no terminal, and nothing needs to be cut. */
  get columns(): number | undefined {
    return columnsOf(this.io.stdout);
  }

  /** A time as people read it: on a terminal that of their own zone, unless --utc says otherwise. */
  timeText(time: string): string {
    return this.showsLocalTime ? formatLocalTime(time) : time;
  }

  get showsLocalTime(): boolean {
    return this.columns !== undefined && this.options.utc !== true;
  }

  /** A path as it is shown: from the current folder on where it lies below that; on a terminal as a shell takes it. */
  displayPath(path: string): string {
    const inside = relative(this.io.cwd, path);
    const shown = inside === "" || inside.startsWith("..") ? path : inside;
    return this.columns === undefined ? shown : shellWord(shown);
  }

  /** Loads the manifest; its parser is loaded only by the commands that need it. */
  async openWorkspace({ store }: StoreOptions = {}): Promise<Workspace> {
    this.call.store = store;
    const workspaces = await import("../app/workspace.ts");
    const { manifest, config, context } = this.options;
    return workspaces.Workspace.open(await this.surroundings(), {
      manifest: manifest ?? config,
      context,
      store,
    });
  }

  /**
   * Prints a command's result: the value as JSON under `--json`, else the lines. `Name` says which document it is, and
   * has to be given.
   */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- says which document
  result<Name extends DocumentName = never>(
    value: NoInfer<DocumentOf<Name>>,
    lines: readonly string[],
  ): void {
    this.resultOf<Name>(
      () => value,
      () => lines,
    );
  }

  /** The same where there may be much: only the form that is asked for is made. */
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- says which document
  resultOf<Name extends DocumentName = never>(
    value: () => NoInfer<DocumentOf<Name>>,
    lines: () => readonly string[],
  ): void {
    if (this.options.json === true) {
      this.#writeJson(value());
      return;
    }
    this.print(shownLines(laidOut(lines(), this.columns)));
  }

  /** Writes to standard output what is not a document. */
  print(text: ShownText): void {
    this.#status.clear();
    this.io.stdout.write(text);
  }

  /**
   * Asks for a word to be typed before something is done that cannot be undone.
   *
   * @throws DockformError `refused` when another word is typed, or when nobody is there to ask.
   */
  async confirm(question: string, word: string): Promise<void> {
    const { confirmByTyping } = await import("./confirm.ts");
    using _ = this.#status.question();
    await confirmByTyping(this.io, question, word);
  }

  /**
   * Writes a result that may be more than memory, as fast as its reader takes it.
   *
   * @returns whether the reader took it all.
   */
  async streamResult(pieces: AsyncIterable<ShownText | Uint8Array>): Promise<boolean> {
    const { stdout } = this.io;
    const status = this.#status;
    const shown = async function* (): AsyncGenerator<ShownText | Uint8Array> {
      for await (const piece of pieces) {
        if (stdout.isTTY === true) status.giveWay();
        yield piece;
      }
    };
    return await writeAll(stdout, shown());
  }

  /** Tells the error that ends the command, and returns its exit code. */
  endWith(error: DockformError): number {
    this.log.error(error);
    this.failure(error);
    return error.exitCode;
  }

  /** Under `--json` an error is a document, too, unless the result has said it already. */
  failure(error: DockformError): void {
    if (this.options.json === true && !this.#resultWritten)
      this.#writeJson(errorDocument(error, this.call));
  }

  #writeJson(value: unknown): void {
    this.#resultWritten = true;
    this.print(shownJson(value, 2));
  }

  /** An interruption as the command's last error, where nothing else went wrong: it says what is true now. */
  interruptionOver(): DockformError {
    return this.#phase.over();
  }

  #interrupted(moment: InterruptionMoment): void {
    switch (moment.kind) {
      case "begins":
        if (moment.byKeys) this.#status.passKeys();
        this.log.notice(this.call.onTheSame(this.#phase.begins(moment.byKeys)));
        return;
      case "goes on":
        this.log.notice("Still cleaning up; this will finish by itself.");
        return;
      case "ends":
        this.#status.passKeys();
        this.endWith(this.#phase.ends());
    }
  }
}

/** Facts of an error with the names of documents, where nothing is missing. */
function inSnakeCase(value: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, part]: readonly [string, unknown]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      factOf(part),
    ]),
  );
}

function factOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(factOf);
  if (typeof value === "object" && value !== null) return inSnakeCase(value);
  return value ?? null;
}

function levelOf({ verbose, quiet, logLevel }: GlobalOptions): LogLevel {
  if (verbose === true) return "debug";
  return quiet === true && logLevel !== "error" ? "warn" : logLevel;
}

/** An error as `--json` prints it. */
export function errorDocument(error: DockformError, call: Call): DocumentOf<"error"> {
  const { code, kind, message, exitCode, data } = error;
  const hint = adviceText(error, call);
  const own = { code, kind, message, hint: hint ?? null, exit_code: exitCode };
  // No fact takes the place of a field, and they come after them.
  return { error: { ...own, ...inSnakeCase(data), ...own } };
}
