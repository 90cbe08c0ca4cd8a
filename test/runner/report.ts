import { inspect, styleText } from "node:util";
import type { Failure, TestFileResult } from "./test-file.ts";

const SLOW_TEST_MS = 5000;
const SLOW_TESTS_SHOWN = 10;

/** Prints a line for each file as it ends, then what there is to know, and at last the counts. */
export class Report {
  readonly #results: TestFileResult[] = [];

  add(result: TestFileResult): void {
    this.#results.push(result);
    const { file, failed, passed, skipped } = result;
    const mark = failed > 0 ? styleText("red", "✖") : styleText("green", "✔");
    const counts = describeCounts(passed, failed, skipped.length);
    console.log(`${mark} ${file}  ${counts}  ${seconds(result.durationMs)}`);
  }

  /** Prints the end of the report and returns the exit code. */
  finish(wasInterrupted: boolean): number {
    this.#printSlow();
    this.#printSkipped();
    this.#printFailures();
    const passed = sum(this.#results.map((result) => result.passed));
    const failed = sum(this.#results.map((result) => result.failed));
    const skipped = sum(this.#results.map((result) => result.skipped.length));
    const ran = passed + failed > 0;
    if (wasInterrupted) console.log("\nInterrupted: not all tests have run.");
    else if (!ran) console.log("\nNo test has run.");
    console.log(`\n${describeCounts(passed, failed, skipped)}`);
    if (wasInterrupted) return 130;
    return ran && failed === 0 ? 0 : 1;
  }

  #printSlow(): void {
    const slow = this.#results
      .flatMap(({ file, tests }) => tests.map((timed) => ({ file, ...timed })))
      .filter(({ durationMs }) => durationMs > SLOW_TEST_MS)
      .toSorted((a, b) => b.durationMs - a.durationMs)
      .slice(0, SLOW_TESTS_SHOWN);
    if (slow.length > 0) console.log("\nSlowest tests:");
    for (const { file, name, durationMs } of slow) {
      console.log(`  ${seconds(durationMs).padStart(7)}  ${file}  ${name}`);
    }
  }

  #printSkipped(): void {
    const skipped = this.#results.flatMap(({ file, skipped: tests }) =>
      tests.map((test) => ({ file, ...test })),
    );
    if (skipped.length > 0) console.log("\nSkipped tests:");
    for (const { file, name, reason } of skipped) console.log(`  ${file}  ${name}: ${reason}`);
  }

  #printFailures(): void {
    const failing = this.#results.filter(({ failures }) => failures.length > 0);
    if (failing.length > 0) console.log("\nFailed tests:");
    for (const { file, failures, output } of failing) {
      for (const failure of failures) console.log(`\n${describeFailure(failure)}`);
      if (output.trim() !== "") console.log(`\n  Output of ${file}:\n${indent(output.trimEnd())}`);
    }
  }
}

function describeFailure({ file, line, path, error }: Failure): string {
  const place = path.length === 0 || line === undefined ? file : `${file}:${line}`;
  const title = `${styleText("red", "✖")} ${place}  ${path.join(" > ")}`;
  return `${title.trimEnd()}\n${indent(describeError(error))}`;
}

function describeError(error: unknown): string {
  if (typeof error === "string") return error;
  // An assertion's message has its values already; other errors' fields tell more than their text.
  const isAssertion = error instanceof Error && "code" in error && error.code === "ERR_ASSERTION";
  const text = isAssertion ? (error.stack ?? error.message) : inspect(error);
  return text.replace(/^ +at .*[(]node:.*\n?/gm, "").trimEnd();
}

function describeCounts(passed: number, failed: number, skipped: number): string {
  const counts = `${passed} passed, ${failed} failed`;
  return skipped === 0 ? counts : `${counts}, ${skipped} skipped`;
}

function indent(text: string): string {
  return text.replace(/^/gm, "    ");
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
