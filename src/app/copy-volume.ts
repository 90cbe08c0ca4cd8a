import { copyVolume, moveVolume, type CopyReport, type CopyRequest } from "../copy/copy.ts";
import type { Aspect } from "../helper/message-groups.ts";
import type { Tools } from "../tools.ts";
import { refuseRemoval } from "./removal.ts";
import { refuseBoth } from "./restore-volume.ts";
import type { Workspace } from "./workspace.ts";

/** A copy as a person asks for it. */
export interface CopyOrder extends Omit<
  CopyRequest,
  "source" | "target" | "without" | "replacesSource"
> {
  /** `[context/]volume`, both. */
  readonly source: string;
  readonly volume: string;
  readonly without: readonly Aspect[];
}

/**
 * Finds both volumes, and copies the one into the other.
 *
 * @throws DockformError as {@link copyVolume} does.
 */
export async function copyNamed(
  workspace: Workspace,
  order: CopyOrder,
  tools: Tools,
): Promise<CopyReport> {
  const request = await requestOf(workspace, order);
  return copyVolume({ ...request, replacesSource: false }, tools);
}

export interface MoveOrder extends Omit<CopyOrder, "verify"> {
  /** Asked once nothing stands against the removal; what it throws ends the command with nothing done. */
  readonly confirm: () => Promise<void>;
}

/**
 * The same, and removes the source once the copy was compared with it entry by entry.
 *
 * @throws DockformError as {@link moveVolume} does, and where something stands against the removal of the source.
 */
export async function moveNamed(
  workspace: Workspace,
  { confirm, ...order }: MoveOrder,
  tools: Tools,
): Promise<CopyReport> {
  const request = await requestOf(workspace, { ...order, verify: true });
  await refuseRemoval([request.source], { note: "moved" }, tools);
  if (!order.dryRun) await confirm();
  return moveVolume(request, tools);
}

async function requestOf(
  workspace: Workspace,
  { source, volume, without, ...options }: CopyOrder,
): Promise<Omit<CopyRequest, "replacesSource">> {
  refuseBoth({ ...options, without });
  return {
    ...options,
    source: await workspace.target(source),
    target: await workspace.target(volume),
    without: new Set(without),
  };
}
