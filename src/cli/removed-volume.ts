import type { RemovedVolume } from "../app/removal.ts";
import type { ItemOf } from "./documents/documents.ts";
import type { Session } from "./session.ts";

export function removedLine({ volume, archivePath }: RemovedVolume, session: Session): string {
  const snapshot =
    archivePath === undefined ? "" : `; its snapshot is ${session.displayPath(archivePath)}`;
  return `Removed volume ${volume}${snapshot}`;
}

export function removedToJson({
  context,
  volume,
  archivePath,
}: RemovedVolume): ItemOf<"destroy", "removed"> {
  return { context, volume, archive: archivePath ?? null, snapshot: archivePath ?? null };
}
