import { messageOf } from "../errors.ts";
import { formatTime } from "../format.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import type { Tools } from "../tools.ts";
import type { ReplacementReport, RestoreRequest } from "./request.ts";
import { UnhealthyError } from "./watch.ts";

type Fields = Pick<Sidecar, "unhealthy_at">;

/**
 * Replaces contents by a snapshot's, and says in its sidecar how containers were on them: when they were not healthy,
 * until they are in a later restore of all of it.
 */
export async function recordingHealth<Report extends Pick<ReplacementReport, "containers">>(
  { store, archivePath, paths, healthTimeoutMs }: RestoreRequest,
  sidecar: () => Fields | undefined,
  { log, now }: Tools,
  replace: () => Promise<Report>,
): Promise<Report> {
  const record = async (fields: Fields, what: string): Promise<void> => {
    await store
      .amend(archivePath, fields)
      .catch((failure: unknown) =>
        log.warn(`cannot record that ${archivePath} ${what}: ${messageOf(failure)}`),
      );
  };
  try {
    const report = await replace();
    const wereWatched = healthTimeoutMs > 0 && report.containers.length > 0;
    const areHealthy = report.containers.every(({ outcome }) => outcome === "started");
    if (wereWatched && areHealthy && paths.length === 0 && sidecar()?.unhealthy_at !== undefined) {
      await record({ unhealthy_at: undefined }, "is healthy");
    }
    return report;
  } catch (error) {
    if (error instanceof UnhealthyError && sidecar() !== undefined) {
      await record({ unhealthy_at: formatTime(now()) }, "failed");
    }
    throw error;
  }
}
