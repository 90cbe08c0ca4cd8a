/** Runs a function over all items, at most `limit` at once, and answers every outcome in order. */
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
