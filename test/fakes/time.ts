import { access } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import type { TestContext } from "node:test";

const STEP_MS = 50;

/**
 * Lets what waits for timers have its time at once: whenever nothing else is left to do, the clock goes on. The clock is
 * that of setTimeout, of node:timers/promises and of performance.now.
 */
export async function inFastTime<T>(t: TestContext, act: () => Promise<T>): Promise<T> {
  let nowMs = 0;
  const over = new AbortController();
  t.mock.timers.enable({ apis: ["setTimeout"] });
  // node:test replaces what node:timers/promises exports, and whoever has imported that would not see it.
  syncBuiltinESMExports();
  const clock = t.mock.method(performance, "now", () => nowMs);
  const advance = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await new Promise(setImmediate);
      // The time that this takes others have for what they read and write.
      await access(import.meta.filename);
      nowMs += STEP_MS;
      t.mock.timers.tick(STEP_MS);
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
