import { DockformError } from "../../errors.ts";
import { formatDuration } from "../../format.ts";
import { drill, type DrillReport } from "../../drill/drill.ts";
import type { DrillSubject } from "../../drill/request.ts";
import type { DocumentOf } from "../documents/documents.ts";
import type { Session } from "../session.ts";
import type { SnapshotDrillOptions } from "../spec/snapshot-care.ts";
import { snapshotTarget } from "../../app/snapshot-target.ts";

export async function snapshotDrill(
  session: Session,
  reference: string,
  options: SnapshotDrillOptions,
): Promise<void> {
  const subject = drillSubject(options);
  using workspace = await session.openWorkspace(options);
  const { store, archivePath } = await workspace.catalog().find(reference);
  const target = await snapshotTarget(workspace, { store, archivePath });
  const report = await drill(
    {
      target,
      store,
      archivePath,
      subject,
      timeoutMs: options.timeout,
    },
    session.tools,
  );
  session.result<"snapshot drill">(toJson(report), toText(report, session));
}

/** @throws DockformError `usage` when the options contradict each other. */
function drillSubject({
  image,
  command,
  mountPath,
  container,
}: SnapshotDrillOptions): DrillSubject {
  if (image === undefined && command === undefined && mountPath === undefined) {
    return { kind: "container", name: container };
  }
  if (image === undefined || command === undefined || container !== undefined) {
    throw new DockformError(
      "command.options-conflict",
      "a drill starts either an image with a command, or a copy of a container",
      {
        hint: "Give --image and --command, or --container. If one container uses the volume, you can omit all three.",
      },
    );
  }
  return { kind: "image", image, command, mountPath };
}

function toText(report: DrillReport, session: Session): readonly string[] {
  const { restoreMs, proofMs } = report.durations;
  return [
    `Proven: ${session.displayPath(report.archivePath)}`,
    `  ${report.provenBy}`,
    `  restored in ${formatDuration(restoreMs)}, proven in ${formatDuration(proofMs)}; everything made for it was removed`,
  ];
}

function toJson(report: DrillReport): DocumentOf<"snapshot drill"> {
  return {
    context: report.context,
    volume: report.volume,
    archive: report.archivePath,
    proven_at: report.provenAt,
    proven_by: report.provenBy,
    recorded: report.recorded,
    differences: report.differences,
    durations: {
      restore_ms: report.durations.restoreMs,
      proof_ms: report.durations.proofMs,
    },
  };
}
