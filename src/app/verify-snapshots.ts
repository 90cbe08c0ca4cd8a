import { verifySnapshot, type Verification } from "../archive/verify.ts";
import { compareRestored } from "../drill/verify-deep.ts";
import { DockformError } from "../errors.ts";
import type { ArchiveInStore } from "../store/store.ts";
import { displayText } from "../tar/path.ts";
import type { Tools } from "../tools.ts";
import type { Catalog } from "./catalog.ts";
import { snapshotTarget } from "./snapshot-target.ts";
import type { Workspace } from "./workspace.ts";

/** What became of the verification of one snapshot: one of both. */
export interface VerifyOutcome {
  readonly archivePath: string;
  readonly verification: Verification | undefined;
  readonly error: DockformError | undefined;
}

/**
 * All snapshots of the store, or of `[context/]volume` alone, with those whose data is gone.
 *
 * @throws DockformError `store.empty` where there are none.
 */
export async function snapshotsToVerify(
  catalog: Catalog,
  volume: string | undefined,
): Promise<readonly ArchiveInStore[]> {
  const { store } = catalog;
  const volumes = await catalog.volumes(volume);
  const archivePaths = volumes.flatMap(({ snapshots, leftovers }) => [
    ...snapshots.map(({ archivePath }) => archivePath),
    // A sidecar whose data is gone is a loss, and must not pass for nothing.
    ...leftovers.flatMap(({ archivePath }) => archivePath ?? []),
  ]);
  if (archivePaths.length === 0) throw catalog.empty();
  return archivePaths.map((archivePath) => ({ store, archivePath }));
}

/**
 * Verifies snapshots, one after the other: each reads as fast as the disk and a processor can. One that
 * does not pass stops none of the others.
 *
 * @param deepIn where each is restored into a throw-away volume, too, and compared; `undefined` for none.
 */
export async function verifySnapshots(
  snapshots: readonly ArchiveInStore[],
  deepIn: Workspace | undefined,
  tools: Tools,
): Promise<readonly VerifyOutcome[]> {
  const outcomes: VerifyOutcome[] = [];
  for (const snapshot of snapshots) outcomes.push(await verify(snapshot, deepIn, tools));
  return outcomes;
}

async function verify(
  snapshot: ArchiveInStore,
  deepIn: Workspace | undefined,
  tools: Tools,
): Promise<VerifyOutcome> {
  const { archivePath } = snapshot;
  try {
    const verification = await verifySnapshot(snapshot, tools);
    if (deepIn !== undefined) await verifyRestored(snapshot, deepIn, tools);
    return { archivePath, verification, error: undefined };
  } catch (error) {
    tools.signal.throwIfAborted();
    if (!(error instanceof DockformError)) throw error;
    return { archivePath, verification: undefined, error };
  }
}

/** @throws DockformError `integrity` when something came back otherwise than it is in the archive. */
async function verifyRestored(
  snapshot: ArchiveInStore,
  workspace: Workspace,
  tools: Tools,
): Promise<void> {
  const target = await snapshotTarget(workspace, snapshot);
  const differences = await compareRestored(target, snapshot, tools);
  const [first] = differences;
  if (first === undefined) return;
  const others = differences.length === 1 ? "" : ` and ${differences.length - 1} more`;
  throw new DockformError(
    "snapshot.not-reproduced",
    `${snapshot.archivePath} was not restored exactly: ${displayText(first.path)} is ${first.kind}${others}`,
    {
      hint: "It was restored into a throw-away volume. Does the volume driver keep owners, attributes and times?",
      data: {
        differences: differences.map(({ path, kind }) => ({ path: displayText(path), kind })),
      },
    },
  );
}
