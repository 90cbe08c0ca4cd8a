import { glob } from "node:fs/promises";
import { resolve } from "node:path";
import { test } from "node:test";

/** What no test loads would be in no report of what tests have run through. */
test("every file of the rooms that decide can be loaded", async () => {
  for await (const file of glob("src/{restore,lock,workload,capture}/*.ts")) {
    if (!file.endsWith(".test.ts")) await import(resolve(file));
  }
});
