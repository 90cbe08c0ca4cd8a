import { basename, dirname } from "node:path";
import { DockformError } from "../../errors.ts";
import { formatDuration } from "../../format.ts";
import { Archive } from "../../volume/archive.ts";
import { drill, type DrillReport, type DrillSubject } from "../../volume/drill.ts";
import type { Session } from "../session.ts";
import { SnapshotStore, type StoreOption } from "../snapshot-store.ts";
import { targetIn, type Workspace, type WorkspaceContext } from "../workspace.ts";

export interface SnapshotDrillOptions extends StoreOption {
  readonly image?: string;
  readonly command?: string;
  readonly mountPath?: string;
  readonly container?: string;
  /** Milliseconds. */
  readonly timeout: number;
}

export async function snapshotDrill(
  session: Session,
  reference: string,
  options: SnapshotDrillOptions,
): Promise<void> {
  const subject = drillSubject(options);
  using workspace = await session.openWorkspace(options.store);
  const { archivePath } = await new SnapshotStore(session, workspace).find(reference);
  const { volume, context } = await snapshotOf(workspace, archivePath);
  const report = await drill(
    {
      target: targetIn(context, volume),
      archivePath,
      subject,
      timeoutMs: options.timeout,
    },
    session.tools,
  );
  session.result(toJson(report), toText(report, session));
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
      "usage",
      "a drill starts an image with a command, or a container's copy",
      {
        hint: "Give --image and --command, or --container, or none of them where one container uses the volume.",
      },
    );
  }
  return { kind: "image", image, command, mountPath };
}

/** Which volume a snapshot is of, and in which engine that volume is. */
async function snapshotOf(
  workspace: Workspace,
  archivePath: string,
): Promise<{ readonly volume: string; readonly context: WorkspaceContext }> {
  await using archive = await Archive.open(archivePath);
  const sidecar = await archive.sidecar();
  const contexts = await workspace.contexts();
  const [only] = contexts;
  const context =
    contexts.length === 1 ? only : contexts.find(({ name }) => name === sidecar?.context);
  if (context === undefined) {
    throw new DockformError("usage", "it is not known in which context the drill is to be", {
      hint: `Name one with --context: ${contexts.map(({ name }) => name).join(", ")}.`,
    });
  }
  // Without a sidecar, the folder says it.
  return { volume: sidecar?.volume_name ?? basename(dirname(archivePath)), context };
}

function toText(report: DrillReport, session: Session): string {
  const { restoreMs, proofMs } = report.durations;
  return [
    `Proven: ${session.displayPath(report.archivePath)}`,
    `  ${report.provenBy}`,
    `  restored in ${formatDuration(restoreMs)}, proven in ${formatDuration(proofMs)}; all that was made for it is removed`,
  ].join("\n");
}

function toJson(report: DrillReport): Readonly<Record<string, unknown>> {
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
