import { basename, dirname } from "node:path";
import { DockformError } from "../errors.ts";
import { Archive } from "../archive/archive.ts";
import type { ArchiveInStore } from "../store/store.ts";
import type { VolumeTarget } from "../lock/target.ts";
import { targetIn, type Workspace } from "./workspace.ts";

/**
 * The volume that a snapshot is of, in the engine that has it: the one named by --context, the only one, or
 * the one that the sidecar names.
 *
 * @throws DockformError `usage` when it is not known which.
 */
export async function snapshotTarget(
  workspace: Workspace,
  snapshot: ArchiveInStore,
): Promise<VolumeTarget> {
  await using archive = await Archive.open(snapshot);
  const sidecar = await archive.sidecar();
  const contexts = await workspace.contexts();
  const [only] = contexts;
  const context =
    contexts.length === 1 ? only : contexts.find(({ name }) => name === sidecar?.context);
  if (context === undefined) {
    throw new DockformError("context.unspecified", "cannot tell which context to use", {
      advice: [{ code: "choose-context", contexts: contexts.map(({ name }) => name) }],
    });
  }
  // Without a sidecar, the folder says it.
  return targetIn(context, sidecar?.volume_name ?? basename(dirname(snapshot.archivePath)));
}
