import assert from "node:assert/strict";
import type { EngineClient } from "../../src/engine/client.ts";
import { inspectContainer } from "../../src/engine/containers.ts";
import { describeTree, differences, type TreeEntry } from "../oracle/tree.ts";

const DIFFERENCES_SHOWN = 20;

/** What a command that fails before its first side effect leaves as it was. */
export interface Evidence {
  readonly tree: readonly TreeEntry[];
  readonly containers: readonly unknown[];
}

export async function evidenceOf(
  engine: EngineClient,
  folder: string,
  containerIds: readonly string[],
): Promise<Evidence> {
  const containers = await Promise.all(
    containerIds.map(async (id) => {
      const { State } = await inspectContainer(engine, id);
      return { id, status: State.Status, startedAt: State.StartedAt };
    }),
  );
  return { tree: await describeTree(folder), containers };
}

/** Asserts that nothing is different, and says what is. */
export function assertUntouched(before: Evidence, after: Evidence): void {
  assert.deepEqual(differences(before.tree, after.tree).slice(0, DIFFERENCES_SHOWN), []);
  assert.deepEqual(after.containers, before.containers);
}
