import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { DockformError } from "../errors.ts";
import { outcomesOf, settleWithLimit, throwFirst } from "./several.ts";

test("outcomes keep the order of the items, failures among them", async () => {
  const two = new Error("two");
  const results = await settleWithLimit([1, 2, 3], 2, async (item) => {
    if (item === 2) throw two;
    // The first ends last.
    for (let i = item; i < 4; i += 1) await turn();
    return item * 10;
  });
  assert.deepEqual(outcomesOf(results), { reports: [10, 30], failures: [two] });
});

test("no more than the limit run at once, and that many do", async () => {
  let running = 0;
  let most = 0;
  await settleWithLimit(Array.from({ length: 20 }), 3, async () => {
    running += 1;
    most = Math.max(most, running);
    await turn();
    running -= 1;
  });
  assert.equal(most, 3);
});

function told(failures: readonly unknown[], summary?: string): readonly string[] {
  const lines: string[] = [];
  const log = {
    warn: (message: string) => lines.push(`warn ${message}`),
    error: ({ message }: DockformError) => lines.push(`error ${message}`),
  };
  try {
    throwFirst(failures, log, summary);
  } catch (error) {
    lines.push(`thrown ${String(error)}`);
  }
  return lines;
}

test("the first failure is thrown, the others are told before it", () => {
  const refused = new DockformError("volume.in-use", "in use", { hint: "" });
  assert.deepEqual(told([new Error("a"), refused, "b"], "3 of 4 failed"), [
    "error in use",
    "warn b",
    "warn 3 of 4 failed",
    "thrown Error: a",
  ]);
});

test("what several failed of, an interruption, is told once; no failure says nothing", () => {
  const interruption = new Error("interrupted");
  assert.deepEqual(told([interruption, interruption]), ["thrown Error: interrupted"]);
  assert.deepEqual(told([], "0 of 4 failed"), []);
});
