import { chooseVolumes, type LeftOutVolume } from "../../app/choose-volumes.ts";
import type { FailedVolume } from "../../app/several.ts";
import { snapshotVolumes } from "../../app/snapshot-volumes.ts";
import type { SnapshotReport } from "../../capture/snapshot.ts";
import { formatBytes, formatCount, formatDuration } from "../../format.ts";
import { copyReasonDocument, copyReasonText } from "../copy-reason.ts";
import { tellRepeated } from "../repeated-warnings.ts";
import type { ItemOf } from "../documents/documents.ts";
import { failedVolume, throwFailures } from "../failures.ts";
import type { Session } from "../session.ts";
import type { VolumeSnapshotOptions } from "../spec/volume.ts";

export async function volumeSnapshot(
  session: Session,
  references: readonly string[],
  options: VolumeSnapshotOptions,
): Promise<void> {
  using workspace = await session.openWorkspace({
    store: options.store ?? options.output,
  });
  const { all, exclude, format, level, note, ifChanged } = options;
  const choice = { named: references, all, exclude };
  const { targets, leftOut } = await chooseVolumes(workspace, choice, session.tools);
  const request = { format, level, note, ifChanged };
  const { reports, failures } = await snapshotVolumes(targets, request, session.tools);
  const attempted = reports.length + failures.length;
  if (failures.length === 0 || attempted > 1) {
    session.result<"volume snapshot">(
      {
        snapshots: reports.map(toJson),
        failures: failures.map((failure) => failedVolume(failure, session)),
        left_out: leftOut,
      },
      reports.flatMap((report) => toText(report, session)),
    );
  }
  tellRepeated(reports, session.log);
  tellLeftOut(leftOut, session);
  throwFailures(failures, session, attempted > 1 ? failedText(failures, attempted) : undefined);
}

/** What nobody has asked to be left out. */
function tellLeftOut(leftOut: readonly LeftOutVolume[], { log }: Session): void {
  const count = (why: LeftOutVolume["why"]): number =>
    leftOut.filter((each) => each.why === why).length;
  const [anonymous, notWanted] = [count("anonymous"), count("not wanted")];
  const parts = [
    ...(anonymous === 0
      ? []
      : [
          formatCount(
            anonymous,
            "volume without a name of its own",
            "volumes without a name of their own",
          ),
        ]),
    ...(notWanted === 0
      ? []
      : [`${formatCount(notWanted, "volume")} that the manifest wants no snapshot of`]),
  ];
  if (parts.length > 0) log.info(`Left out: ${parts.join(", ")}`);
}

function failedText(failures: readonly FailedVolume[], attempted: number): string {
  const names = failures.map(({ context, volume }) => `${context}/${volume}`);
  return `${failures.length} of ${attempted} snapshots failed: ${names.join(", ")}`;
}

function toText(report: SnapshotReport, session: Session): readonly string[] {
  const { context, volume, archivePath, sidecar } = report;
  if (report.unchanged) {
    return [
      `Unchanged: ${context}/${volume} is as in its newest snapshot; that was recorded`,
      `  ${session.displayPath(archivePath)}`,
    ];
  }
  const stored = formatBytes(sidecar.stored_bytes ?? 0);
  const read = formatBytes(sidecar.uncompressed_bytes);
  const time = formatDuration(sidecar.durations?.total_ms ?? 0);
  return [
    `Snapshot of ${context}/${volume}: ${formatCount(sidecar.file_count, "file")}, ${read} as tar, ${stored} stored, ${time}`,
    `  ${session.displayPath(archivePath)}`,
    ...(report.why === undefined ? [] : [`  ${copyReasonText(report.why)}`]),
  ];
}

function toJson(report: SnapshotReport): ItemOf<"volume snapshot", "snapshots"> {
  const { context, volume, archivePath, sidecarPath, sidecar, unchanged, why } = report;
  return {
    context,
    volume,
    archive: archivePath,
    sidecar_path: sidecarPath,
    unchanged,
    copied_because: copyReasonDocument(why),
    sidecar,
  };
}
