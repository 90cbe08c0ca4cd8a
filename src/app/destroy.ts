import { engineInfo } from "../engine/system.ts";
import { listVolumes } from "../engine/volumes.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";
import { ownedVolumes } from "./identifier.ts";
import { refuseRemoval, removeVolume, type RemovedVolume } from "./removal.ts";
import { targetIn, type Workspace } from "./workspace.ts";

/**
 * The volumes that carry the manifest's label, declared or not.
 *
 * @throws DockformError `manifest` without a manifest, or an identifier in it.
 */
export async function volumesToDestroy(
  workspace: Workspace,
  signal: AbortSignal,
): Promise<readonly VolumeTarget[]> {
  const identifier = workspace.requireIdentifier();
  const targets = new Map<string, VolumeTarget>();
  for (const context of await workspace.contexts()) {
    const volumes = ownedVolumes(await listVolumes(context.engine, signal), identifier);
    // Two contexts may lead to one engine, whose volumes are to be removed once.
    const { id } = await engineInfo(context.engine, signal);
    for (const { name } of volumes) targets.set(`${id} ${name}`, targetIn(context, name));
  }
  return [...targets.values()];
}

export interface DestroyRequest {
  /** Write a snapshot of each volume before it is removed. */
  readonly snapshot: boolean;
  /** Called when nothing refuses, before the first side effect; what it throws ends the removal. */
  readonly confirm: () => Promise<void>;
}

/**
 * Removes volumes, and yields each once it is removed.
 *
 * @throws DockformError `refused` when one cannot be removed; all are there then.
 */
export async function* destroyVolumes(
  targets: readonly VolumeTarget[],
  { snapshot, confirm }: DestroyRequest,
  tools: Tools,
): AsyncGenerator<RemovedVolume> {
  const options = { note: snapshot ? "before destroy" : undefined };
  await refuseRemoval(targets, options, tools);
  await confirm();
  for (const target of targets) yield await removeVolume(target, options, tools);
}
