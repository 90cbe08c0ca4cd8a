import { syncBuiltinESMExports } from "node:module";
import type { TestContext } from "node:test";

/** Short enough for every wait of ours. */
const STEP_MS = 50;

/**
 * Lets what waits for timers have its time at once: whenever nothing else is left to do, the clock goes on. The clock is
 * that of setTimeout, of node:timers/promises and of performance.now.
 *
 * @param stepMs by how much it goes on each time; more where something is asked for in short intervals for long
 */
export async function inFastTime<T>(
  t: TestContext,
  act: () => Promise<T>,
  stepMs = STEP_MS,
): Promise<T> {
  let nowMs = 0;
  const over = new AbortController();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  // node:test replaces what node:timers/promises exports, and whoever has imported that would not see it.
  syncBuiltinESMExports();
  const clock = t.mock.method(performance, "now", () => nowMs);
  const advance = async (): Promise<void> => {
    while (!over.signal.aborted) {
      do await new Promise(setImmediate);
      while (isAtWork());
      nowMs += stepMs;
      t.mock.timers.tick(stepMs);
    }
  };
  const advanced = advance();
  try {
    return await act();
  } finally {
    over.abort();
    await advanced;
    clock.mock.restore();
    t.mock.timers.reset();
    syncBuiltinESMExports();
  }
}

/** Whether something is under way that ends by itself: files that are read or written, names that are looked up. */
function isAtWork(): boolean {
  return process.getActiveResourcesInfo().some((name) => name.includes("Req"));
}
