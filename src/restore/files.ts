import { DockformError } from "../errors.ts";
import type { InspectedFiles } from "../helper/outcomes.ts";
import type { VolumeVerbs } from "../helper/verbs.ts";
import { parseAbout, type AboutKept } from "./kept.ts";

/** What an operation has to know of a volume's files before it touches them. */
export interface VolumeFiles extends Omit<InspectedFiles, "failure" | "keptAbout"> {
  /** What an earlier operation has kept. */
  readonly kept: AboutKept | undefined;
}

/** @throws DockformError `volume.unreadable`. */
export async function inspectVolumeFiles(
  verbs: VolumeVerbs,
  signal: AbortSignal,
): Promise<VolumeFiles> {
  const found = await verbs.inspect(signal);
  if (found.failure !== undefined) {
    throw new DockformError("volume.unreadable", `cannot look into the volume: ${found.failure}`, {
      hint: "Nothing was touched. Check the file system under the volume.",
    });
  }
  const { keptAbout } = found;
  return { ...found, kept: keptAbout === undefined ? undefined : parseAbout(keptAbout) };
}
