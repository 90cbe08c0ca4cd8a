import type { Sidecar } from "../snapshot/sidecar.ts";
import type { Tools } from "../tools.ts";
import { recordingHealth } from "./record-health.ts";
import { replaceContents } from "./replace-contents.ts";
import type { RestoreReport, RestoreRequest } from "./request.ts";
import { SnapshotContents } from "./snapshot-contents.ts";

/**
 * Replaces a volume's contents by a snapshot's.
 *
 * @throws DockformError as {@link replaceContents} does.
 */
export async function restoreVolume(request: RestoreRequest, tools: Tools): Promise<RestoreReport> {
  const contents = new SnapshotContents(request);
  const sidecar = (): Sidecar | undefined => contents.checked.sidecar;
  const report = await recordingHealth(request, sidecar, tools, () =>
    replaceContents({ request, contents }, request, tools),
  );
  const { checked } = contents;
  return {
    ...report,
    archivePath: request.archivePath,
    tarBytes: checked.contents.tarBytes,
    entries: checked.contents.entries,
    outsideEntries: checked.outsideEntries,
    checkedBy: checked.sidecar !== undefined ? "checksum" : "reading",
  };
}
