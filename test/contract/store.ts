/**
 * What src/store/store.ts asks of every store, as tests. A new store runs all of it by one call of
 * {@link testStoreContract}, as folder-store.test.ts does.
 */
import { CHANGING } from "./store-changing.ts";
import { NAMES } from "./store-names.ts";
import { READING } from "./store-reading.ts";
import { WRITING } from "./store-writing.ts";
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import * as fc from "fast-check";
import { type Store, type StoredSnapshot } from "../../src/store/store.ts";
import { sampleSidecar } from "./sidecar.ts";
import { type StoreUnderTest, HERE, begin, secondsGoBy } from "./store-bench.ts";

/** Registers the tests for one kind of store. `make` is called once for each; what it made may be removed by `t.after`. */
export function testStoreContract(
  kind: string,
  make: (t: TestContext) => Promise<StoreUnderTest>,
): void {
  const tests = { ...WRITING, ...READING, ...CHANGING, ...NAMES };
  for (const [title, check] of Object.entries(tests)) {
    test(`${kind}: ${title}`, async (t) => check(await make(t)));
  }
  test(`${kind}: whatever is done in whatever order, it holds what a plain list would`, (t) =>
    fc.assert(
      fc.asyncProperty(fc.array(STEP, { maxLength: 12 }), async (steps) =>
        checkAgainstModel((await make(t)).store, steps),
      ),
      { numRuns: 40 },
    ));
}

type Step =
  | { readonly kind: "write"; readonly volume: string; readonly commits: boolean }
  | { readonly kind: "amend" | "remove"; readonly which: number };

const STEP: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("write" as const),
    volume: fc.constantFrom("a", "b"),
    commits: fc.boolean(),
  }),
  fc.record({ kind: fc.constantFrom("amend" as const, "remove" as const), which: fc.nat(5) }),
);

async function checkAgainstModel(store: Store, steps: readonly Step[]): Promise<void> {
  const now = secondsGoBy();
  const model: { snapshot: StoredSnapshot; volume: string; notes: string | undefined }[] = [];
  for (const [i, step] of steps.entries()) {
    if (step.kind === "write") {
      const { volume } = step;
      await using pending = await begin(store, { ...HERE, volume }, { now });
      if (!step.commits) continue;
      const snapshot = await pending.commit(sampleSidecar({ stored_bytes: 0 }));
      model.push({ snapshot, volume, notes: undefined });
      continue;
    }
    const held = model[step.which];
    if (held === undefined) continue;
    if (step.kind === "amend") {
      held.notes = String(i);
      await store.amend(held.snapshot.archivePath, { notes: held.notes });
    } else {
      await store.remove(held.snapshot);
      model.splice(step.which, 1);
    }
  }
  for (const volume of ["a", "b"]) {
    const expected = model.filter((each) => each.volume === volume).toReversed();
    const found = await store.snapshotsOf({ ...HERE, volume });
    assert.deepEqual(
      found,
      expected.map(({ snapshot }) => snapshot),
    );
    for (const { snapshot, notes } of expected) {
      assert.equal((await store.describe(snapshot)).sidecar?.notes, notes);
    }
  }
}
