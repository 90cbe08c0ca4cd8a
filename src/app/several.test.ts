import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { settleWithLimit } from "./several.ts";

test("outcomes keep the order of the items, failures among them", async () => {
  const results = await settleWithLimit([1, 2, 3], 2, async (item) => {
    if (item === 2) throw new Error("two");
    return item * 10;
  });
  assert.deepEqual(
    results.map((result) => (result.status === "fulfilled" ? result.value : "failed")),
    [10, "failed", 30],
  );
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
