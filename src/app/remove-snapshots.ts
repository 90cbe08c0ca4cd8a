import { DockformError } from "../errors.ts";
import { archiveExtension } from "../snapshot/name.ts";
import type { DescribedSnapshot, Store, StoredSnapshot, VolumeSnapshots } from "../store/store.ts";
import type { Catalog, FoundSnapshot } from "./catalog.ts";

/** A snapshot that was named to be removed. */
export interface RemovableSnapshot extends DescribedSnapshot {
  readonly store: Store;
}

/**
 * The snapshots that references name, each once.
 *
 * @throws DockformError `snapshot.unspecified` for a volume alone, `snapshot.not-a-snapshot` for another file.
 */
export async function snapshotsToRemove(
  catalog: Catalog,
  references: readonly string[],
): Promise<readonly RemovableSnapshot[]> {
  const chosen = new Map<string, RemovableSnapshot>();
  for (const reference of references) {
    requireExplicit(reference);
    const found = await catalog.find(reference);
    const described = await found.store.describe(await complete(found));
    chosen.set(found.archivePath, { ...described, store: found.store });
  }
  return [...chosen.values()];
}

/** A snapshot that could not be removed. */
export interface UnremovedSnapshot {
  readonly archivePath: string;
  readonly error: unknown;
}

/** Removes snapshots in their order, and returns those that could not be; one of them stops none of the others. */
export async function removeSnapshots(
  snapshots: readonly (StoredSnapshot & { readonly store: Store })[],
  signal: AbortSignal,
): Promise<readonly UnremovedSnapshot[]> {
  const failures: UnremovedSnapshot[] = [];
  for (const snapshot of snapshots) {
    try {
      signal.throwIfAborted();
      await snapshot.store.remove(snapshot);
    } catch (error) {
      failures.push({ archivePath: snapshot.archivePath, error });
    }
  }
  return failures;
}

/** The volumes that have snapshots, and would have none without these. */
export function volumesLeftWithout(
  snapshots: readonly StoredSnapshot[],
  volumes: readonly VolumeSnapshots[],
): readonly VolumeSnapshots[] {
  const going = new Set(snapshots.map(({ archivePath }) => archivePath));
  return volumes.filter(
    ({ snapshots: all }) =>
      all.length > 0 && all.every(({ archivePath }) => going.has(archivePath)),
  );
}

/** Elsewhere a volume alone means its latest one; here that would be guessing. */
function requireExplicit(reference: string): void {
  if (/[@/]/.test(reference) || archiveExtension(reference) !== undefined) return;
  throw new DockformError(
    "snapshot.unspecified",
    `"${reference}" does not say which snapshot to remove`,
    {
      hint: `Write ${reference}@latest, ${reference}@2026-11-23T02:15, or a path.`,
    },
  );
}

async function complete({ archivePath, stored, store }: FoundSnapshot): Promise<StoredSnapshot> {
  if (stored !== undefined) return stored;
  const found = await store.identify(archivePath);
  if ("whyNot" in found) throw notASnapshot(archivePath, found.whyNot);
  return found;
}

function notASnapshot(path: string, why: string): DockformError {
  return new DockformError("snapshot.not-a-snapshot", `${path} is not a snapshot: ${why}`, {
    hint: "Nothing was removed.",
    advice: [{ code: "list-snapshots" }],
  });
}
