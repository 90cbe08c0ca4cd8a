/** How an operation ends that could bring a volume neither to its old contents nor to the new ones. */
import { DockformError } from "../errors.ts";
import type { LockedVolume } from "../lock/lock.ts";
import { stagingFolder } from "../snapshot/reserved.ts";

/** Where the only copy of a volume's old contents is, while there is no room for them in the volume. */
export interface Safety {
  readonly archivePath: string;
  /** Who has written it. */
  readonly client: string;
}

/**
 * A swap that stands between old and new. Nothing is lost, but the volume must not be used before it
 * is put right, so containers stay stopped.
 */
export class UndecidedSwapError extends DockformError {
  constructor(lock: LockedVolume, id: string, cause: string, safety?: Safety) {
    const { name } = lock.volume;
    const where =
      safety === undefined
        ? "All old and new files are in it."
        : `Keep ${safety.archivePath} and the file beside it (written by ${safety.client}): the old contents may be nowhere else.`;
    super("restore.swap-undecided", `the swap was cut short and could not be finished: ${cause}`, {
      hint: `Do not start containers on volume "${name}". ${where}`,
      advice: [
        { code: "recover", volume: name, when: safety === undefined ? "mended" : "mended-there" },
      ],
      data: { folder: stagingFolder(id) },
    });
  }
}

/** Not all of the old contents could be removed from a volume: those of them that were have to come from their snapshot. */
export class PartlyClearedError extends DockformError {
  constructor({ volume }: LockedVolume, cause: string) {
    super(
      "restore.partly-cleared",
      `not all of volume "${volume.name}" could be removed: ${cause}`,
      {
        hint: "The old contents are in place again, from their snapshot.",
      },
    );
  }
}

/** Our own writing. */
export function parseSafety(text: string): Safety {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(text) as Safety;
}
