import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { settleWithLimit } from "../../src/limit.ts";
import { DEATHS, die, secondDeath, setTheStage, stepsOf, STORIES } from "./crash-points.ts";

const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const skip = !isRoot && "owners and attributes take root";

const AT_ONCE = 2;
/** All of them are for `npm run test:faults`. */
const EVERY = 9;

let takeAway = async (): Promise<void> => {};

before(async () => {
  if (isRoot) takeAway = await setTheStage();
});

after(() => takeAway());

for (const [i, [name, story]] of Object.entries(STORIES).entries()) {
  test(`${name}, cut short before one of its steps`, { skip }, async () => {
    const steps = await stepsOf(story);
    assert.ok(steps > story.verbs.length, "steps are counted");
    const points = Array.from({ length: steps }, (_, step) => step + 1);
    const some = DEATHS.flatMap((death, j) =>
      points
        .filter((point) => (point + j) % EVERY === i % EVERY)
        .map((point) => [point, death] as const),
    );
    const results = await settleWithLimit(some, AT_ONCE, ([point, death]) => {
      return die(story, point, secondDeath(point, steps), death);
    });
    const problems = results.map((result) =>
      result.status === "rejected" ? String(result.reason) : result.value,
    );
    assert.deepEqual(
      problems.filter((problem) => problem !== ""),
      [],
    );
  });
}
