import { messageOf } from "../errors.ts";
import { formatTime } from "../format.ts";
import type { ArchiveInStore } from "../store/store.ts";
import type { Tools } from "../tools.ts";
import { UnhealthyError } from "./watch.ts";

/** Replaces contents by a snapshot's; where containers are not healthy on them, its sidecar says when from then on. */
export async function markingUnhealthy<Result>(
  { store, archivePath }: ArchiveInStore,
  hasSidecar: () => boolean,
  { log, now }: Tools,
  replace: () => Promise<Result>,
): Promise<Result> {
  try {
    return await replace();
  } catch (error) {
    if (error instanceof UnhealthyError && hasSidecar()) {
      await store
        .amend(archivePath, { unhealthy_at: formatTime(now()) })
        .catch((failure: unknown) =>
          log.warn(`that ${archivePath} failed is not recorded beside it: ${messageOf(failure)}`),
        );
    }
    throw error;
  }
}
