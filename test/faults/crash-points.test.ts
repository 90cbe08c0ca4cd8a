import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { settleWithLimit } from "../../src/app/several.ts";
import { allDeaths, die, Stage, stepsOf } from "./crash-points.ts";
import { STORIES } from "./stories.ts";

const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const skip = !isRoot && "owners and attributes take root";

const AT_ONCE = 2;
/** All of them are for `npm run test:faults`. */
const EVERY = 23;

let stage: Stage;

before(async () => {
  if (isRoot) stage = await Stage.set();
});

after(async () => {
  if (isRoot) await stage[Symbol.asyncDispose]();
});

for (const [i, [name, story]] of Object.entries(STORIES).entries()) {
  test(`${name}, cut short before one of its steps`, { skip }, async () => {
    const steps = await stepsOf(stage, story);
    assert.ok(steps.last > 0, "steps are counted");
    const some = allDeaths(story, steps).filter((_, n) => n % EVERY === i % EVERY);
    const results = await settleWithLimit(some, AT_ONCE, (deaths) => die(stage, story, deaths));
    const problems = results.map((result) =>
      result.status === "rejected" ? String(result.reason) : result.value,
    );
    assert.deepEqual(
      problems.filter((problem) => problem !== ""),
      [],
    );
  });
}
