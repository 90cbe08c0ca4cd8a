import { resolve } from "node:path";
import { DockformError } from "../../errors.ts";
import { formatBytes, formatCount, formatDuration } from "../../format.ts";
import type { ContainerOutcome } from "../../volume/quiesce.ts";
import { restoreVolume, type RestoreReport } from "../../volume/restore.ts";
import type { Session } from "../session.ts";

export interface VolumeRestoreOptions {
  readonly force: boolean;
  readonly stopContainers: boolean;
  readonly dryRun: boolean;
  readonly undeclared: boolean;
}

export async function volumeRestore(
  session: Session,
  reference: string,
  path: string,
  options: VolumeRestoreOptions,
): Promise<void> {
  using workspace = await session.openWorkspace();
  const target = await workspace.target(reference);
  const archivePath = resolve(session.io.cwd, path);
  const report = await restoreVolume({ target, archivePath, ...options }, session.tools);
  session.result(toJson(report), toText(report, session));
  const down = report.containers.filter(({ outcome }) => outcome === "failed");
  if (down.length > 0) {
    throw new DockformError(
      "failed",
      `volume "${report.volume}" was restored, but ${down.map(({ name }) => name).join(", ")} did not start`,
      { hint: "Look at it with `docker logs`, then start it with `docker start`." },
    );
  }
}

function toText(report: RestoreReport, session: Session): string {
  const { context, volume, entries, tarBytes, durations, checkedBy } = report;
  const size = `${formatCount(entries, "entry", "entries")}, ${formatBytes(tarBytes)} as tar`;
  const check = checkedBy === "checksum" ? "checksum verified" : "archive read to its end";
  if (report.dryRun) {
    return `Dry run: ${session.displayPath(report.archivePath)} (${size}; ${check}) can be restored into ${context}/${volume}. Nothing was changed.`;
  }
  const steps = [
    [`${check}, all checks made`, durations.checkMs],
    ["extracted", durations.extractMs],
    ["swapped", durations.swapMs],
    ["old contents removed", durations.removeOldMs],
  ] as const;
  return [
    `Restored ${context}/${volume}: ${size}, ${formatDuration(durations.totalMs)}`,
    ...steps.map(([step, ms]) => `  ${step} in ${formatDuration(ms)}`),
    ...report.containers.map(containerLine),
  ].join("\n");
}

function containerLine({ name, outcome, problem, downtimeMs }: ContainerOutcome): string {
  return outcome === "started"
    ? `  ${name}: down for ${formatDuration(downtimeMs)}`
    : `  ${name}: not running: ${problem}`;
}

function toJson(report: RestoreReport): Readonly<Record<string, unknown>> {
  return {
    context: report.context,
    volume: report.volume,
    archive: report.archivePath,
    dry_run: report.dryRun,
    uncompressed_bytes: report.tarBytes,
    entry_count: report.entries,
    checked_by: report.checkedBy,
    containers: report.containers.map(({ name, outcome, problem, downtimeMs }) => ({
      name,
      outcome,
      problem: problem ?? null,
      downtime_ms: downtimeMs,
    })),
    durations: {
      check_ms: report.durations.checkMs,
      extract_ms: report.durations.extractMs,
      swap_ms: report.durations.swapMs,
      remove_old_ms: report.durations.removeOldMs,
      total_ms: report.durations.totalMs,
    },
  };
}
