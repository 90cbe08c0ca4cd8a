import { DockformError, messageOf } from "../errors.ts";

/** What became of several things that were attempted, each on its own. */
export interface Outcomes<Report> {
  /** In the order in which they were asked for. */
  readonly reports: readonly Report[];
  readonly failures: readonly unknown[];
}

/** A volume of several that something could not be done with. */
export interface FailedVolume {
  readonly context: string;
  readonly volume: string;
  readonly error: unknown;
}

/** One of several contexts whose engine could not be asked. */
export interface FailedContext {
  readonly context: string;
  readonly error: unknown;
}

/** Asks all contexts at the same time. One that fails stops none of the others. */
export async function inEachContext<Context extends { readonly name: string }, Report>(
  contexts: readonly Context[],
  ask: (context: Context) => Promise<Report>,
): Promise<{ readonly reports: readonly Report[]; readonly failed: readonly FailedContext[] }> {
  const results = await Promise.allSettled(contexts.map(ask));
  return {
    reports: outcomesOf(results).reports,
    failed: contexts.flatMap(({ name: context }, i) => {
      const result = results[i];
      return result?.status === "rejected" ? [{ context, error: result.reason as unknown }] : [];
    }),
  };
}

export function errorsOf(failed: readonly FailedContext[]): readonly unknown[] {
  return failed.map(({ error }) => error);
}

/** Where failures are told. */
export interface FailureLog {
  warn(message: string): void;
  error(error: DockformError): void;
}

/** Runs a function over all items, at most `limit` at once, and returns every outcome in order. */
export async function settleWithLimit<Item, Result>(
  items: readonly Item[],
  limit: number,
  run: (item: Item) => Promise<Result>,
): Promise<readonly PromiseSettledResult<Result>[]> {
  const results = new Map<number, PromiseSettledResult<Result>>();
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [i, item] of queue) {
      for (const result of await Promise.allSettled([run(item)])) results.set(i, result);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return [...items.keys()].flatMap((i) => results.get(i) ?? []);
}

export function outcomesOf<Report>(
  results: readonly PromiseSettledResult<Report>[],
): Outcomes<Report> {
  return {
    reports: results.flatMap((each) => (each.status === "fulfilled" ? [each.value] : [])),
    failures: results.flatMap((each) =>
      each.status === "rejected" ? [each.reason as unknown] : [],
    ),
  };
}

/**
 * Throws the first failure, where there is one, after the others were told. Several that failed for one
 * reason, an interruption, are told once.
 *
 * @param summary told when there was a failure, before it is thrown.
 */
export function throwFirst(
  [first, ...others]: readonly unknown[],
  log: FailureLog,
  summary?: string,
): void {
  if (first === undefined) return;
  for (const failure of others) {
    if (failure === first) continue;
    if (failure instanceof DockformError) log.error(failure);
    else log.warn(messageOf(failure));
  }
  if (summary !== undefined) log.warn(summary);
  throw first;
}
