import { assuranceOf, type Assurance } from "../snapshot/assurance.ts";
import { isSafety, knowsSizes } from "../snapshot/sidecar.ts";
import { otherVolume } from "../store/newest.ts";
import {
  volumeTitle,
  type Leftover,
  type Store,
  type StoredSnapshot,
  type VolumeSnapshots,
} from "../store/store.ts";
import type { Catalog } from "./catalog.ts";

/** Of what a sidecar says only what is shown: there may be ten thousand. */
export interface ListedSnapshot extends StoredSnapshot, Assurance {
  readonly storedBytes: number;
  readonly tarBytes: number | undefined;
  readonly fileCount: number | undefined;
  readonly notes: string | undefined;
  /** What it was written for, where not because somebody asked for it. */
  readonly purpose: string | undefined;
  readonly problem: string | undefined;
  /** Of which volume it is, where not of the one that it is listed under. */
  readonly otherVolume: string | undefined;
}

/** The snapshots of a volume. */
export interface ListedSnapshots {
  /** `volume`, or `context/volume` where the store tells contexts apart. */
  readonly title: string;
  readonly context: string | undefined;
  readonly volume: string;
  readonly snapshots: readonly ListedSnapshot[];
  readonly storedBytes: number;
  readonly leftovers: readonly Leftover[];
}

/**
 * The snapshots of all volumes, or of `[context/]volume` alone, and what is said of each.
 *
 * @throws DockformError `snapshot.not-found` where the named volume has none.
 */
export async function listSnapshots(
  catalog: Catalog,
  reference: string | undefined,
): Promise<readonly ListedSnapshots[]> {
  const volumes: ListedSnapshots[] = [];
  for (const listed of await catalog.volumes(reference)) {
    volumes.push(await describe(catalog.store, listed));
  }
  return volumes;
}

async function describe(store: Store, listed: VolumeSnapshots): Promise<ListedSnapshots> {
  const { context, volume, leftovers } = listed;
  const snapshots: ListedSnapshot[] = [];
  for (const snapshot of listed.snapshots) {
    snapshots.push(await summarize(store, snapshot, volume));
  }
  const storedBytes = snapshots.reduce((sum, snapshot) => sum + snapshot.storedBytes, 0);
  return { title: volumeTitle(listed), context, volume, snapshots, storedBytes, leftovers };
}

async function summarize(
  store: Store,
  snapshot: StoredSnapshot,
  volume: string,
): Promise<ListedSnapshot> {
  const { storedBytes, sidecar, problem } = await store.describe(snapshot);
  const sized = sidecar !== undefined && knowsSizes(sidecar) ? sidecar : undefined;
  return {
    ...snapshot,
    storedBytes,
    tarBytes: sized?.uncompressed_bytes,
    fileCount: sized?.file_count,
    notes: sidecar?.notes,
    purpose: sidecar !== undefined && isSafety(sidecar) ? "safety" : sidecar?.purpose,
    ...assuranceOf(sidecar, problem),
    problem,
    otherVolume: otherVolume(sidecar, volume),
  };
}
