import { engineInfo } from "../../engine/system.ts";
import { listVolumes } from "../../engine/volumes.ts";
import { formatCount } from "../../format.ts";
import { refuseKeptContents, refuseUsedVolumes, snapshotAndRemove } from "../../app/apply.ts";
import { ownedVolumes } from "../../app/plan.ts";
import { removeVolumeForGood } from "../../lock/remove.ts";
import type { VolumeTarget } from "../../lock/target.ts";
import { confirmByTyping } from "../confirm.ts";
import type { Session } from "../session.ts";
import type { DestroyOptions } from "../spec/manifest.ts";
import { targetIn, type Workspace } from "../../app/workspace.ts";

interface Removed {
  readonly context: string;
  readonly volume: string;
  readonly snapshot: string | null;
}

export async function destroy(session: Session, options: DestroyOptions): Promise<void> {
  using workspace = await session.openWorkspace();
  const identifier = workspace.requireIdentifier();
  const targets = await labelledVolumes(workspace, identifier, session.io.signal);
  if (targets.length === 0) {
    session.result({ removed: [] }, `There are no volumes labelled ${identifier}.`);
    return;
  }
  await refuseUsedVolumes(targets, session.io.signal);
  if (options.snapshot) await refuseKeptContents(targets, session.tools);
  await confirm(session, options, identifier, targets);
  const removed: Removed[] = [];
  for (const target of targets) removed.push(await remove(session, options, target));
  session.result({ removed }, `Removed ${formatCount(removed.length, "volume")}.`);
}

async function labelledVolumes(
  workspace: Workspace,
  identifier: string,
  signal: AbortSignal,
): Promise<readonly VolumeTarget[]> {
  const contexts = await workspace.contexts();
  const targets = new Map<string, VolumeTarget>();
  for (const context of contexts) {
    const volumes = ownedVolumes(await listVolumes(context.engine, signal), identifier);
    // Two contexts may lead to one engine, whose volumes are to be removed once.
    const { id } = await engineInfo(context.engine, signal);
    for (const { name } of volumes) targets.set(`${id} ${name}`, targetIn(context, name));
  }
  return [...targets.values()];
}

async function confirm(
  { io, log }: Session,
  { skipConfirmation, snapshot }: DestroyOptions,
  identifier: string,
  targets: readonly VolumeTarget[],
): Promise<void> {
  log.info("These volumes are removed with all they hold:");
  for (const { context, volume } of targets) log.info(`  - ${volume} in context ${context}`);
  log.info(snapshot ? "A snapshot of each is written first." : "No snapshot of them is written.");
  if (skipConfirmation) return;
  await confirmByTyping(io, `Type the identifier (${identifier}) to go on:`, identifier);
}

async function remove(
  session: Session,
  options: DestroyOptions,
  target: VolumeTarget,
): Promise<Removed> {
  const { context, volume } = target;
  const snapshot = options.snapshot
    ? await snapshotAndRemove(target, "before destroy", session.tools)
    : null;
  if (!options.snapshot) await removeVolumeForGood(target, session.io.signal);
  session.log.info(
    `Removed volume ${volume}${snapshot === null ? "" : `; its snapshot is ${session.displayPath(snapshot)}`}`,
  );
  return { context, volume, snapshot };
}
