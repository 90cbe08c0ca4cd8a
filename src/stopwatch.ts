export interface Stopwatch {
  /** Milliseconds since the last lap. */
  lap(): number;
  total(): number;
}

/** Starts to measure now. */
export function stopwatch(): Stopwatch {
  const startMs = performance.now();
  let lapMs = startMs;
  return {
    lap() {
      const sinceMs = lapMs;
      lapMs = performance.now();
      return Math.round(lapMs - sinceMs);
    },
    total: () => Math.round(performance.now() - startMs),
  };
}
