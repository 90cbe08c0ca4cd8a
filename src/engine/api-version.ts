import { DockformError } from "../errors.ts";

/** The newest Engine API version whose behaviour this client was written for. */
const NEWEST_API_VERSION = "1.47";
/** Docker 19.03, the oldest with everything the helper container asks for. */
const OLDEST_API_VERSION = "1.40";

/**
 * The API version to talk to an engine in: its own, or ours where that is older.
 *
 * @throws DockformError when the engine's is too old.
 */
export function versionFor(offered: string, address: string): string {
  if (compareVersions(offered, OLDEST_API_VERSION) >= 0) {
    return compareVersions(offered, NEWEST_API_VERSION) < 0 ? offered : NEWEST_API_VERSION;
  }
  throw new DockformError(
    "engine.too-old",
    `the engine at ${address} offers API version ${offered}`,
    { hint: `Use an engine with API version ${OLDEST_API_VERSION} or later (Docker 19.03).` },
  );
}

/** Whether an engine no longer knows the version: Docker 29 answers so below 1.44, others below 1.24. */
export function refusesVersion(statusCode: number, words: string): boolean {
  return statusCode === 400 && /client version \S+ is too old/.test(words);
}

export function tooNew(words: string, address: string): DockformError {
  return new DockformError("engine.too-new", `the engine at ${address} answered: ${words}`, {
    hint: "Use a newer version of dockform, or an older engine.",
  });
}

/** Compares `1.41` with `1.9` by number, not by letter. */
export function compareVersions(a: string, b: string): number {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
