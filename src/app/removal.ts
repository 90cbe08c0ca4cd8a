import { listSurely } from "../workload/list-surely.ts";
import { listContainers } from "../engine/containers.ts";
import { inspectVolume } from "../engine/volumes.ts";
import { DockformError } from "../errors.ts";
import { readJournal } from "../journal/operation.ts";
import { provenSnapshot } from "../restore/copy-proof.ts";
import { findKept, keepsContents } from "../restore/kept.ts";
import { DEFAULT_LEVEL } from "../snapshot/name.ts";
import { refuseOperations, removeVolumeForGood } from "../lock/remove.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";
import { containerTitle, usersAmong } from "../workload/users.ts";

/** A volume that was removed. */
export interface RemovedVolume {
  readonly context: string;
  readonly volume: string;
  /** The snapshot of what it held; `undefined` where none was wanted. */
  readonly archivePath: string | undefined;
}

export interface RemovalOptions {
  /** What the note of each snapshot says; `undefined` for a removal without snapshots. */
  readonly note: string | undefined;
}

/**
 * To be asked of all volumes before the first is removed.
 *
 * @throws DockformError `refused` when a container, running or not, uses one of them, an operation on it
 * was cut short, or it keeps contents for `volume undo` that its snapshot would not hold.
 */
export async function refuseRemoval(
  targets: readonly VolumeTarget[],
  { note }: RemovalOptions,
  tools: Tools,
): Promise<void> {
  await refuseUsedVolumes(targets, tools.signal);
  if (note !== undefined) await refuseKeptContents(targets, tools);
}

/**
 * Removes a volume; with a `note`, after a snapshot of it has been written and was proved to hold what the
 * volume holds.
 *
 * @throws DockformError when the snapshot fails, or may not hold everything; the volume is kept then.
 */
export async function removeVolume(
  target: VolumeTarget,
  { note }: RemovalOptions,
  tools: Tools,
): Promise<RemovedVolume> {
  const archivePath = note === undefined ? undefined : await snapshotAll(target, note, tools);
  await removeVolumeForGood(target, tools.signal);
  return { context: target.context, volume: target.volume, archivePath };
}

async function refuseUsedVolumes(
  targets: readonly VolumeTarget[],
  signal: AbortSignal,
): Promise<void> {
  for (const target of targets) {
    const volume = await inspectVolume(target.engine, target.volume, signal);
    if (volume === undefined) continue;
    const containers = await listSurely(target.engine, signal);
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

async function refuseKeptContents(targets: readonly VolumeTarget[], tools: Tools): Promise<void> {
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

/** Writes a snapshot that was proved to hold all that the volume holds, and returns its path. */
async function snapshotAll(target: VolumeTarget, note: string, tools: Tools): Promise<string> {
  const { archivePath } = await provenSnapshot(
    { target, format: "tar.zst", level: DEFAULT_LEVEL, note },
    {
      code: "volume.not-saved",
      hint: `Volume ${target.volume} was not removed. Stop what writes to it, and run the command again; \`docker volume rm ${target.volume}\` removes it with what no snapshot holds.`,
    },
    tools,
  );
  return archivePath;
}
