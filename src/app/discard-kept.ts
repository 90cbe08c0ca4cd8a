import type { VolumeTarget } from "../lock/target.ts";
import { declaredVolume } from "../restore/declared.ts";
import type { AboutKept } from "../restore/kept.ts";
import { discardKept } from "../restore/undo.ts";
import type { Tools } from "../tools.ts";

export interface DiscardRequest {
  readonly target: VolumeTarget;
  /** Allow a volume that the manifest does not declare. */
  readonly undeclared: boolean;
  /** Called when there is such a volume, before anything is removed; what it throws ends the removal. */
  readonly confirm: () => Promise<void>;
}

/**
 * Removes for good what a volume keeps for `volume undo`.
 *
 * @throws DockformError `refused` when nothing is kept, or another client is at work on the volume.
 */
export async function discardKeptContents(
  { target, undeclared, confirm }: DiscardRequest,
  tools: Tools,
): Promise<AboutKept> {
  const volume = await declaredVolume({ target, undeclared }, tools);
  await confirm();
  return discardKept(target, volume, tools);
}
