import type { ListedVolume } from "../app/inventory.ts";
import type { ListedSnapshots } from "../app/list-snapshots.ts";
import type { Verification as ArchiveVerification } from "../archive/verify.ts";
import type { SnapshotReport } from "../capture/snapshot.ts";
import type { RecoveryReport } from "../restore/recover.ts";
import type { RestoreReport } from "../restore/request.ts";
import type { UndoReport } from "../restore/undo.ts";
import type { ContainerOutcome } from "../workload/stopped.ts";
import type {
  ContainerResult,
  RecoveryResult,
  RestorePlan,
  RestoreResult,
  SnapshotInfo,
  SnapshotResult,
  UndoResult,
  Verification,
  VolumeInfo,
} from "./api.ts";

export function volumeInfo(listed: ListedVolume): VolumeInfo {
  const { context, volume, declared, exists, sizeBytes, containers, interrupted } = listed;
  return {
    context,
    volume,
    declared,
    exists,
    sizeBytes,
    containers,
    newestSnapshot: listed.newestSnapshot?.archivePath,
    hasKept: listed.kept !== undefined,
    interrupted,
  };
}

export function snapshotInfos({
  context,
  volume,
  snapshots,
}: ListedSnapshots): readonly SnapshotInfo[] {
  return snapshots.map((snapshot) => ({
    context,
    volume,
    archive: snapshot.archivePath,
    sidecarPath: snapshot.sidecarPath,
    createdAt: snapshot.time,
    storedBytes: snapshot.storedBytes,
    uncompressedBytes: snapshot.tarBytes,
    fileCount: snapshot.fileCount,
    note: snapshot.notes,
    verifiedAt: snapshot.verifiedAt,
    problem: snapshot.problem,
    otherVolume: snapshot.otherVolume,
  }));
}

export function snapshotResult(report: SnapshotReport): SnapshotResult {
  const { context, volume, archivePath, sidecarPath, sidecar, unchanged } = report;
  return {
    context,
    volume,
    archive: archivePath,
    sidecarPath,
    createdAt: new Date(sidecar.created_at),
    storedBytes: sidecar.stored_bytes,
    uncompressedBytes: sidecar.uncompressed_bytes,
    fileCount: sidecar.file_count,
    unchanged,
  };
}

export function verification(report: ArchiveVerification): Verification {
  return {
    archive: report.archivePath,
    storedBytes: report.storedBytes,
    uncompressedBytes: report.tarBytes,
    entryCount: report.entries,
    fileCount: report.files,
    verifiedAt: report.recordedAt,
  };
}

export function restorePlan(report: RestoreReport, run: RestorePlan["run"]): RestorePlan {
  return { ...whatIsRestored(report), createsVolume: report.createdVolume, run };
}

export function restoreResult(report: RestoreReport): RestoreResult {
  const { createdVolume, keptPrevious, leftOut, containers, durations } = report;
  return {
    ...whatIsRestored(report),
    createdVolume,
    keptPrevious,
    leftOut: leftOut.map(({ aspect, what, count }) => ({ aspect, what, fileCount: count })),
    containers: containers.map(containerResult),
    durations,
  };
}

type WhatIsRestored = Omit<RestorePlan, "createsVolume" | "run">;

function whatIsRestored(report: RestoreReport): WhatIsRestored {
  const { context, volume, archivePath, tarBytes, entries, outsideEntries, checkedBy } = report;
  return {
    context,
    volume,
    archive: archivePath,
    uncompressedBytes: tarBytes,
    entryCount: entries,
    outsideEntries,
    checkedBy,
  };
}

export function undoResult(report: UndoReport): UndoResult {
  const { context, volume, containers, durations } = report;
  return { context, volume, containers: containers.map(containerResult), durations };
}

export function recoveryResult(report: RecoveryReport): RecoveryResult {
  const { context, volume, contents, containers } = report;
  return { context, volume, contents, containers: containers.map(containerResult) };
}

function containerResult(container: ContainerOutcome): ContainerResult {
  const { name, outcome, problem, downtimeMs } = container;
  return { name, outcome, problem, downtimeMs };
}
