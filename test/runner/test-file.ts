import { run } from "node:test";
import type { EventData } from "node:test";
import { finished } from "node:stream/promises";

/** One test may take this long, unless it says otherwise itself. */
const TEST_TIMEOUT_MS = 240_000;
/** One file, with tests that have ended but a process that has not. */
const FILE_TIMEOUT_MS = 1_200_000;

/** Ends a test file's process soon after the runner died without a chance to do so. */
const END_WITH_PARENT = `data:text/javascript,
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || process.exit(1), 500).unref();`;

export interface Failure {
  readonly file: string;
  readonly line: number | undefined;
  /** The suites and tests it is in, outermost first, then its own name. */
  readonly path: readonly string[];
  readonly error: unknown;
}

export interface TestFileResult {
  readonly file: string;
  readonly durationMs: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly SkippedTest[];
  readonly failures: readonly Failure[];
  readonly tests: readonly TimedTest[];
  /** What the tests printed. */
  readonly output: string;
}

export interface SkippedTest {
  readonly name: string;
  readonly reason: string;
}

export interface TimedTest {
  readonly name: string;
  readonly durationMs: number;
}

/**
 * Runs one test file in a process of its own. A file per run, unlike one run of all the files, can
 * be given up on when it hangs.
 */
export async function runTestFile(
  file: string,
  options: { readonly name: string | undefined; readonly signal: AbortSignal },
): Promise<TestFileResult> {
  const startedAt = performance.now();
  const events = run({
    files: [file],
    concurrency: 1,
    execArgv: [`--test-timeout=${TEST_TIMEOUT_MS}`, "--import", END_WITH_PARENT],
    signal: AbortSignal.any([AbortSignal.timeout(FILE_TIMEOUT_MS), options.signal]),
    ...(options.name !== undefined && { testNamePatterns: new RegExp(options.name) }),
  });
  const collector = new Collector(file, options.name === undefined);
  events.on("test:start", (data) => collector.start(data));
  events.on("test:pass", (data) => collector.pass(data));
  events.on("test:fail", (data) => collector.fail(data));
  events.on("test:stdout", (data) => collector.print(data.message));
  events.on("test:stderr", (data) => collector.print(data.message));
  // The stream must be read for its events to flow.
  await finished(events.resume());
  return { ...collector.result, durationMs: performance.now() - startedAt };
}

class Collector {
  readonly #file: string;
  readonly #mustHaveTests: boolean;
  /** The names of what is reported on, by nesting. */
  readonly #names: string[] = [];
  readonly #skipped: SkippedTest[] = [];
  readonly #failures: Failure[] = [];
  readonly #tests: TimedTest[] = [];
  #passed = 0;
  #failed = 0;
  #output = "";

  constructor(file: string, mustHaveTests: boolean) {
    this.#file = file;
    this.#mustHaveTests = mustHaveTests;
  }

  get result(): Omit<TestFileResult, "durationMs"> {
    return {
      file: this.#file,
      passed: this.#passed,
      failed: this.#failed,
      skipped: this.#skipped,
      failures: this.#failures,
      tests: this.#tests,
      output: this.#output,
    };
  }

  start({ nesting, name }: EventData.TestStart): void {
    this.#names.length = nesting;
    this.#names[nesting] = name;
  }

  pass(data: EventData.TestPass): void {
    if (this.#isFile(data)) {
      // node:test lets a file without tests pass. It is one that runs nothing any more.
      if (this.#mustHaveTests) this.#addFailure(data, "this file has no tests");
    } else if (data.details.type !== "suite") {
      this.#count(data, true);
    }
  }

  fail(data: EventData.TestFail): void {
    const { error, type } = data.details;
    const ofItsTests = "failureType" in error && error.failureType === "subtestsFailed";
    if (this.#isFile(data) || type === "suite") {
      if (!ofItsTests) this.#addFailure(data, this.#isFile(data) ? fileError(error) : error);
    } else {
      this.#count(data, false);
      if (!ofItsTests && !isLeftOut(data)) this.#failures.push(this.#failure(data, error));
    }
  }

  print(text: string): void {
    this.#output += text;
  }

  #count(data: EventData.TestPass | EventData.TestFail, passed: boolean): void {
    const name = this.#path(data).join(" > ");
    this.#tests.push({ name, durationMs: data.details.duration_ms });
    if (isLeftOut(data)) this.#skipped.push({ name, reason: reasonFor(data) });
    else if (passed) this.#passed += 1;
    else this.#failed += 1;
  }

  #addFailure(data: EventData.TestPass | EventData.TestFail, error: unknown): void {
    this.#failed += 1;
    this.#failures.push(this.#failure(data, error));
  }

  #failure(data: EventData.TestPass | EventData.TestFail, error: unknown): Failure {
    const path = this.#isFile(data) ? [] : this.#path(data);
    return { file: this.#file, line: data.line, path, error: innerError(error) };
  }

  #path({ nesting, name }: EventData.TestPass | EventData.TestFail): string[] {
    return [...this.#names.slice(0, nesting), name];
  }

  /** node:test reports on a file like on a test where none of its tests tells what went wrong. */
  #isFile({ nesting, name }: EventData.TestPass | EventData.TestFail): boolean {
    return nesting === 0 && name === this.#file;
  }
}

function isLeftOut({ skip, todo }: EventData.TestPass | EventData.TestFail): boolean {
  return (skip !== undefined && skip !== false) || (todo !== undefined && todo !== false);
}

function reasonFor({ skip, todo }: EventData.TestPass | EventData.TestFail): string {
  if (typeof skip === "string" && skip !== "") return skip;
  return todo === undefined ? "no reason given" : "to do";
}

/** node:test wraps what a test threw. */
function innerError(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}

function fileError(error: Error): unknown {
  const isAborted = "failureType" in error && error.failureType === "testAborted";
  return isAborted ? "its process did not end and was ended" : "its process failed: see its output";
}
