import {
  snapshotsToVerify,
  verifySnapshots,
  type VerifyOutcome,
} from "../../app/verify-snapshots.ts";
import type { Catalog } from "../../app/catalog.ts";
import { DockformError } from "../../errors.ts";
import { formatBytes, formatCount, timeOrNull } from "../../format.ts";
import type { ArchiveInStore } from "../../store/store.ts";
import type { ItemOf } from "../documents/documents.ts";
import { errorDocument, type Session } from "../session.ts";
import type { SnapshotVerifyOptions } from "../spec/snapshot.ts";

export async function snapshotVerify(
  session: Session,
  reference: string | undefined,
  { all, deep, store }: SnapshotVerifyOptions,
): Promise<void> {
  using workspace = await session.openWorkspace({ store });
  const snapshots = await chosen(workspace.catalog(), reference, all);
  const outcomes = await verifySnapshots(snapshots, deep ? workspace : undefined, session.tools);
  const failures = outcomes.flatMap(({ error }) => error ?? []);
  const [only] = failures;
  if (!all && only !== undefined) throw only;
  session.result<"snapshot verify">({ snapshots: outcomes.map((each) => toJson(each, session)) }, [
    ...outcomes.flatMap((outcome) => toText(outcome, session)),
    ...totals(outcomes),
  ]);
  if (failures.length > 0) throw someFailed(failures, outcomes.length);
}

async function chosen(
  catalog: Catalog,
  reference: string | undefined,
  all: boolean,
): Promise<readonly ArchiveInStore[]> {
  if (all) return snapshotsToVerify(catalog, reference);
  if (reference !== undefined) return [await catalog.find(reference)];
  throw new DockformError("command.nothing-named", "nothing to verify was named", {
    hint: "Name a snapshot, as in `dockform snapshot verify myapp_data@latest`, or give --all.",
  });
}

function toText(
  { archivePath, verification, error }: VerifyOutcome,
  session: Session,
): readonly string[] {
  const path = session.displayPath(archivePath);
  if (verification === undefined) {
    return [`${session.paint("red", "damaged")}  ${path}`, `         ${error?.message}`];
  }
  const { entries, tarBytes, hasSidecar } = verification;
  const size = `${formatCount(entries, "entry", "entries")}, ${formatBytes(tarBytes)} as tar`;
  const recorded = hasSidecar ? "" : "; it has no sidecar, so there is no checksum to compare";
  return [`${session.paint("green", "good")}     ${path}`, `         ${size}${recorded}`];
}

function totals(outcomes: readonly VerifyOutcome[]): readonly string[] {
  if (outcomes.length === 1) return [];
  const good = outcomes.filter(({ verification }) => verification !== undefined);
  const bytes = good.reduce((sum, each) => sum + (each.verification?.storedBytes ?? 0), 0);
  return [
    `${formatCount(outcomes.length, "snapshot")}: ${good.length} good (${formatBytes(bytes)}), ${outcomes.length - good.length} damaged`,
  ];
}

function someFailed(failures: readonly DockformError[], attempted: number): DockformError {
  const isDamage = failures.some(({ kind }) => kind === "integrity");
  return new DockformError(
    isDamage ? "snapshot.damaged" : "snapshot.unverified",
    `${failures.length} of ${formatCount(attempted, "snapshot")} did not pass`,
    { hint: "Take new ones while the volumes are intact, and check the disk that they are on." },
  );
}

function toJson(
  { archivePath, verification, error }: VerifyOutcome,
  { call }: Session,
): ItemOf<"snapshot verify", "snapshots"> {
  return {
    archive: archivePath,
    ok: verification !== undefined,
    stored_bytes: verification?.storedBytes ?? null,
    uncompressed_bytes: verification?.tarBytes ?? null,
    entry_count: verification?.entries ?? null,
    file_count: verification?.files ?? null,
    verified_at: timeOrNull(verification?.recordedAt),
    error: error === undefined ? null : errorDocument(error, call).error,
  };
}
