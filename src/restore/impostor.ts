import { asideFolder, stagingFolder } from "../snapshot/reserved.ts";
import type { FoundRecord, Journal } from "../journal/operation.ts";
import { DockformError } from "../errors.ts";
import type { LockedVolume } from "../lock/lock.ts";
import type { Tools } from "../tools.ts";
import type { VolumeFiles } from "./files.ts";

/**
 * Puts aside, and never removes, what has the name of a staging folder and that no record in the engine speaks of: an
 * application may have made it. Where it says that the volume is between old and new it is left to the recovery: the
 * records of a real operation may have been removed by hand, and the folders alone then say which way it goes.
 *
 * @returns the files without it
 * @throws DockformError `recover.set-aside`
 */
export async function putImpostorsAside(
  lock: LockedVolume,
  files: VolumeFiles,
  { journal, stopped }: { readonly journal: Journal; readonly stopped: readonly FoundRecord[] },
  { log }: Tools,
): Promise<VolumeFiles> {
  if (stopped.length > 0) return files;
  const recorded = new Set(journal.operations.map(({ operation }) => operation.staging));
  const isImpostor = ({ id, betweenOldAndNew }: VolumeFiles["unfinished"][number]): boolean =>
    !betweenOldAndNew && !recorded.has(stagingFolder(id));
  const impostors = files.unfinished.filter(isImpostor);
  for (const { id } of impostors) {
    const folder = stagingFolder(id);
    const failure = await lock.verbs.putAside(id);
    if (failure !== undefined) throw cannotPutAside(lock.volume.name, folder, failure);
    log.warn(
      `the folder ${folder} of volume "${lock.volume.name}" is named like one of dockform's, and the engine knows of no operation that made it: it was set aside in ${asideFolder(id)}`,
    );
  }
  return { ...files, unfinished: files.unfinished.filter((each) => !impostors.includes(each)) };
}

function cannotPutAside(volume: string, folder: string, failure: string): DockformError {
  return new DockformError(
    "recover.set-aside",
    `the folder ${folder} of volume "${volume}" is named like one of dockform's and cannot be set aside: ${failure}`,
    { hint: "Give it another name, then run this again." },
  );
}
