import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { once } from "node:events";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
const COLUMNS = 80;

/** A step of the demo that counts, for the table at the end. */
interface Timing {
  readonly step: string;
  readonly durationMs: number;
}

/** Where the CLI is called. */
export interface Place {
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Where the demo is shown: its own words, and the CLI's, within 80 columns. */
export class Stage {
  readonly #signal: AbortSignal;
  readonly #timings: Timing[] = [];
  #steps = 0;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  heading(text: string): void {
    this.#steps += 1;
    const title = `${this.#steps}. ${text}`;
    print(`\n${title}\n${"-".repeat(title.length)}`);
  }

  say(text: string): void {
    for (const line of wrap(text, COLUMNS)) print(line);
  }

  /** A text that is shown as it is, such as a file's. */
  quote(text: string): void {
    for (const line of text.trimEnd().split("\n")) print(`    ${line}`);
  }

  async timed<T>(step: string, work: () => Promise<T>): Promise<T> {
    const startMs = performance.now();
    const result = await work();
    this.#signal.throwIfAborted();
    this.#timings.push({ step, durationMs: performance.now() - startMs });
    return result;
  }

  timings(): readonly (readonly [string, string])[] {
    return this.#timings.map(({ step, durationMs }) => [
      step,
      `${(durationMs / 1000).toFixed(2)} s`,
    ]);
  }

  table(rows: readonly (readonly [string, string])[]): void {
    const width = Math.max(...rows.map(([left]) => left.length));
    for (const [left, right] of rows) print(`  ${left.padEnd(width)}  ${right}`);
  }

  /**
   * Runs the CLI as a process and shows the call as typed, with all that it prints.
   *
   * @param options.only shows no other lines of a longer answer
   * @throws Error when it does not end with the expected code.
   */
  async dockform(
    args: readonly string[],
    place: Place,
    options: { readonly expect?: number; readonly only?: RegExp } = {},
  ): Promise<void> {
    for (const line of commandLines(["dockform", ...args])) print(line);
    // As on a terminal; in a pipe each log line would begin with the time.
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: place.folder,
      env: place.env,
      stdio: ["ignore", "pipe", "pipe"],
      // A Ctrl-C is for the demo, which hands it on and then waits.
      detached: true,
    });
    const interrupt = (): void => void child.kill("SIGINT");
    this.#signal.addEventListener("abort", interrupt, { once: true });
    const ended = once(child, "close");
    let left = 0;
    const show = (line: string): void => {
      if (options.only === undefined || options.only.test(line)) printOutput(line);
      else left += 1;
    };
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", show);
    }
    const [code]: unknown[] = await ended;
    this.#signal.removeEventListener("abort", interrupt);
    this.#signal.throwIfAborted();
    if (left > 0) printOutput(`(and ${String(left)} lines on volumes of others)`);
    const expected = options.expect ?? 0;
    if (expected !== 0) print(`  (exit code ${String(code)})`);
    if (code !== expected) {
      throw new Error(`dockform ended with ${String(code)} where ${expected} was expected`);
    }
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function printOutput(line: string): void {
  for (const part of wrap(line, COLUMNS - 2)) print(`  ${part}`);
}

/** A command over as many lines as it needs, as one would type it in a shell. */
function commandLines(words: readonly string[]): readonly string[] {
  const lines = [""];
  for (const word of words.map(shellQuoted)) {
    const line = lines.at(-1) ?? "";
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length > COLUMNS - 8 && line !== "") lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  const last = lines.length - 1;
  return lines.map((line, i) => `  ${i === 0 ? "$ " : "    "}${line}${i === last ? "" : " \\"}`);
}

function shellQuoted(word: string): string {
  return /^[\w./:=@-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** Breaks a line between words, and inside of one that is too long by itself. */
function wrap(line: string, columns: number): readonly string[] {
  const indentation = /^ */.exec(line)?.[0] ?? "";
  const lines: string[] = [];
  let rest = line;
  while (rest.length > columns) {
    const space = rest.lastIndexOf(" ", columns);
    const end = space > indentation.length ? space : columns;
    lines.push(rest.slice(0, end));
    rest = `${indentation}${rest.slice(end).trimStart()}`;
  }
  return [...lines, rest];
}
