import assert from "node:assert/strict";
import { platform } from "node:os";
import { test } from "node:test";
import { IS_ROOT } from "../../test/fakes/extraction.ts";
import { raceExtraction } from "../../test/faults/extract-race.ts";

const skip = (platform() !== "linux" || !IS_ROOT) && "another user needs root, on Linux";

/** For a minute it is a part of `npm run test:faults`. */
const ROUNDS = 15;

test("root is not led out of the folder", { skip, timeout: 120_000 }, async () => {
  const { touched, swaps } = await raceExtraction((rounds) => rounds === ROUNDS);
  assert.equal(touched, undefined);
  assert.ok(swaps > 0);
});
