import { listContainers } from "../engine/containers.ts";
import { createVolume, inspectVolume } from "../engine/volumes.ts";
import { DockformError } from "../errors.ts";
import { readJournal } from "../journal/operation.ts";
import { provenSnapshot } from "../restore/copy-proof.ts";
import { findKept, keepsContents } from "../restore/kept.ts";
import { DEFAULT_LEVEL } from "../snapshot/name.ts";
import { refuseOperations, removeVolumeForGood } from "../lock/remove.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";
import { containerTitle, usersAmong } from "../workload/users.ts";
import { labelsFor, type PlannedVolume } from "./plan.ts";

/** Creates a declared volume, with its own labels and the identifier's. */
export async function createDeclared(
  target: VolumeTarget,
  { spec }: Extract<PlannedVolume, { action: "create" }>,
  identifier: string,
  signal: AbortSignal,
): Promise<void> {
  const { name, driver, driverOpts } = spec;
  const labels = labelsFor(spec, identifier);
  await createVolume(target.engine, { name, driver, driverOpts, labels }, signal);
}

/**
 * Refuses when a container, running or not, uses one of the volumes, or an operation on it was cut short.
 * To be asked of all volumes before the first is removed.
 *
 * @throws DockformError `refused`.
 */
export async function refuseUsedVolumes(
  targets: readonly VolumeTarget[],
  signal: AbortSignal,
): Promise<void> {
  for (const target of targets) {
    const volume = await inspectVolume(target.engine, target.volume, signal);
    if (volume === undefined) continue;
    const containers = await listContainers(target.engine, { signal });
    refuseOperations(readJournal(containers, volume.name));
    const users = usersAmong(containers, volume);
    if (users.length === 0) continue;
    const named = users.map(({ container }) => `${containerTitle(container)}, ${container.state}`);
    throw new DockformError(
      "volume.in-use",
      `containers are using volume "${target.volume}": ${named.join("; ")}`,
      {
        hint: "No volume was removed. Remove these containers first, for example with `docker compose down`.",
      },
    );
  }
}

/**
 * Refuses what a snapshot before the removal would not hold.
 *
 * @throws DockformError `refused` when a volume keeps contents for `volume undo`.
 */
export async function refuseKeptContents(
  targets: readonly VolumeTarget[],
  tools: Tools,
): Promise<void> {
  const { signal } = tools;
  for (const { engine, volume: name } of targets) {
    const volume = await inspectVolume(engine, name, signal);
    if (volume === undefined) continue;
    const containers = await listContainers(engine, { signal });
    const kept = await findKept({ engine, containers, tools }, [volume]);
    const about = kept.get(name);
    if (about !== undefined) throw keepsContents(name, about, "No volume was removed.");
  }
}

/**
 * Removes a volume, after a snapshot of it has been written and was proved to hold what the volume holds.
 *
 * @returns the snapshot's path.
 * @throws DockformError when the snapshot fails, or may not hold everything; the volume is kept then.
 */
export async function snapshotAndRemove(
  target: VolumeTarget,
  note: string,
  tools: Tools,
): Promise<string> {
  const { archivePath } = await provenSnapshot(
    { target, format: "tar.zst", level: DEFAULT_LEVEL, note },
    {
      code: "volume.not-saved",
      hint: `Volume ${target.volume} was not removed. Stop what writes to it, and run the command again; \`docker volume rm ${target.volume}\` removes it with all that no snapshot holds.`,
    },
    tools,
  );
  await removeVolumeForGood(target, tools.signal);
  return archivePath;
}
