import type { EngineVolume } from "../engine/volumes.ts";
import { DockformError } from "../errors.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import { shapeDifferences, specHash, withoutToolLabels } from "../snapshot/spec-hash.ts";
import type { Archive } from "../archive/archive.ts";
import { goOn } from "./refusals.ts";
import { ANY_VOLUME, type VolumeRestore } from "./request.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";

/** What engines allow, and a shell takes as it is. A sidecar may say anything. */
const VOLUME_NAME = /^[a-zA-Z0-9][\w.-]*$/;

/**
 * A snapshot of another volume is restored only where that volume is named. The name alone counts: a snapshot may
 * well come from another context or engine, and without a sidecar nothing says what an archive is of.
 *
 * @throws DockformError `refused`.
 */
export function refuseStranger(
  { target, archivePath, fromVolume }: VolumeRestore,
  sidecar: Sidecar | undefined,
): void {
  if (fromVolume === ANY_VOLUME) return;
  if (sidecar === undefined) {
    if (fromVolume === undefined) return;
    throw new DockformError(
      "restore.unknown-origin",
      `${archivePath} has no sidecar to say which volume it is of`,
      {
        advice: [{ code: "drop-origin" }],
      },
    );
  }
  const { volume_name: name } = sidecar;
  const expected = fromVolume ?? target.volume;
  if (name === expected) return;
  throw new DockformError(
    "restore.wrong-volume",
    `${archivePath} is a snapshot of volume ${JSON.stringify(name)}, not of "${expected}"`,
    {
      ...(VOLUME_NAME.test(name)
        ? {
            advice: [
              { code: "choose-origin", origin: name, volume: target.volume },
              goOn({ what: "other origin", volume: name }),
            ],
          }
        : {
            hint: "No volume can have that name. Find out what wrote the sidecar before you trust the archive.",
          }),
      data: { volume: target.volume, snapshot_of: name },
    },
  );
}

/** What a person should know of where a snapshot comes from. */
export function warnAboutSidecar(
  archive: Archive,
  sidecar: Sidecar | undefined,
  volume: EngineVolume | undefined,
  target: VolumeTarget,
  { log }: Tools,
): void {
  if (sidecar === undefined) {
    log.warn(
      `${archive.path} has no sidecar: nothing says which volume it is of, and the whole archive is read once to check it`,
    );
    return;
  }
  if (sidecar.context !== undefined && sidecar.context !== target.context) {
    log.info(`The snapshot was taken in context "${sidecar.context}"`);
  }
  if (volume === undefined || sidecar.spec_hash === specHash(volume)) return;
  const there = {
    driver: sidecar.driver,
    driverOpts: sidecar.driver_opts ?? {},
    labels: sidecar.labels ?? {},
  };
  const differences = shapeDifferences(withoutToolLabels(there), withoutToolLabels(volume));
  if (differences.length === 0 && specHash(there) === sidecar.spec_hash) return;
  log.warn(
    `the snapshot was taken of a volume that differs from this one: ${differences.join("; ") || "the spec hash alone"}`,
  );
}
