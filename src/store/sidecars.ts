import { readFileSync, statSync } from "node:fs";
import { messageOf } from "../errors.ts";
import { parseSidecar, type Sidecar } from "../snapshot/sidecar.ts";
import { newestFirst, type StoredSnapshot } from "./list.ts";

/** A snapshot with what its sidecar says of it. */
export interface DescribedSnapshot extends StoredSnapshot {
  readonly storedBytes: number;
  /** `undefined` where it is not valid. */
  readonly sidecar: Sidecar | undefined;
  /** Why it cannot be trusted, as far as one can tell without reading the data. */
  readonly problem: string | undefined;
}

/**
 * Reads sidecars, the newest snapshot first. File after file without giving way to others: a small file
 * is read in a fifth of the time that a promise for it takes, and a store may have ten thousand.
 */
export function describeSnapshots(
  snapshots: readonly StoredSnapshot[],
): readonly DescribedSnapshot[] {
  return newestFirst(snapshots).map(describeSnapshot);
}

export function describeSnapshot(snapshot: StoredSnapshot): DescribedSnapshot {
  const { archivePath, sidecarPath } = snapshot;
  let storedBytes = 0;
  try {
    storedBytes = statSync(archivePath).size;
    const sidecar = parseSidecar(readFileSync(sidecarPath, "utf8"), sidecarPath);
    return { ...snapshot, storedBytes, sidecar, problem: sizeProblem(sidecar, storedBytes) };
  } catch (error) {
    return { ...snapshot, storedBytes, sidecar: undefined, problem: messageOf(error) };
  }
}

function sizeProblem({ stored_bytes: expected }: Sidecar, storedBytes: number): string | undefined {
  return expected === undefined || expected === storedBytes
    ? undefined
    : `it is ${storedBytes} bytes long, and was ${expected} when it was stored`;
}
