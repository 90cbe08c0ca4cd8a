/**
 * Volumes that were removed while an operation on them stood cut short. What it had stopped may use the same files by
 * another volume.
 */
import { listContainers, type ContainerSummary } from "../engine/containers.ts";
import { inspectVolume, listVolumes, type EngineVolume } from "../engine/volumes.ts";
import { DockformError } from "../errors.ts";
import { removeHelper } from "../helper/session.ts";
import { readJournal, type FoundRecord } from "../journal/operation.ts";
import { isAsBefore, parseRecord, type HeldContainer } from "../workload/held.ts";
import type { VolumeTarget } from "../lock/target.ts";
import { listSurely } from "../workload/list-surely.ts";
import { usersAmong } from "../workload/users.ts";

/**
 * Removes the records of a volume that is not there any more; `false` where there is nothing to remove.
 *
 * @throws DockformError `failed` while containers are not as they were before they were stopped for it.
 */
export async function forgetGone(target: VolumeTarget, signal: AbortSignal): Promise<boolean> {
  const { engine, volume } = target;
  if ((await inspectVolume(engine, volume, signal)) !== undefined) return false;
  const containers = await listSurely(engine, signal);
  const { operations, records } = readJournal(containers, volume);
  await refuseToForgetStopped(target, records, containers, signal);
  // A container of ours that has it mounted would have kept it from being removed.
  const left = [...operations.filter(({ standing }) => standing === "interrupted"), ...records];
  for (const { containerId } of left) await removeHelper(engine, containerId);
  return left.length > 0;
}

async function refuseToForgetStopped(
  { engine, volume }: VolumeTarget,
  records: readonly FoundRecord[],
  containers: readonly ContainerSummary[],
  signal: AbortSignal,
): Promise<void> {
  const held = new Map(stoppedBy(records).map((each) => [each.id, each]));
  const waiting: HeldContainer[] = [];
  for (const each of held.values()) {
    const exists = containers.some(({ id }) => id === each.id);
    if (exists && !(await isAsBefore(engine, each, signal))) waiting.push(each);
  }
  if (waiting.length === 0) return;
  const other = (await listVolumes(engine, signal)).find((each) => uses(containers, each, waiting));
  throw new DockformError(
    "volume.gone",
    `volume "${volume}" no longer exists, and an operation on it had stopped containers that have not been started again: ${waiting.map(({ name }) => name).join(", ")}`,
    {
      hint:
        other === undefined
          ? `Look at the files they use, which may be between old and new. Then: ${waiting.flatMap(commandsFor).join("; ")}.`
          : `They use volume "${other.name}".`,
      advice: [
        ...(other === undefined
          ? []
          : [{ code: "recover", volume: other.name, when: "stopped" } as const]),
        { code: "recover", volume, when: "again" },
      ],
      data: { volume, containers: waiting.map(({ name }) => name) },
    },
  );
}

function commandsFor({ id, active, restartPolicy }: HeldContainer): readonly string[] {
  const name = id.slice(0, 12);
  const { Name, MaximumRetryCount } = restartPolicy;
  const policy = MaximumRetryCount > 0 ? `${Name}:${MaximumRetryCount}` : Name || "no";
  return [`docker update --restart ${policy} ${name}`, ...(active ? [`docker start ${name}`] : [])];
}

/** Of records of volumes that are gone, those of containers that use this one. */
export async function inheritedRecords(
  { engine }: VolumeTarget,
  volume: EngineVolume,
  signal: AbortSignal,
): Promise<readonly FoundRecord[]> {
  const [containers, volumes] = await Promise.all([
    listContainers(engine, { signal }),
    listVolumes(engine, signal),
  ]);
  return readJournal(containers).records.filter(
    (record) =>
      record.name === "stopped-containers" &&
      !volumes.some(({ name }) => name === record.volume) &&
      uses(containers, volume, stoppedBy([record])),
  );
}

function uses(
  containers: readonly ContainerSummary[],
  volume: EngineVolume,
  held: readonly HeldContainer[],
): boolean {
  const users = usersAmong(containers, volume).map(({ container }) => container.id);
  return held.some(({ id }) => users.includes(id));
}

function stoppedBy(records: readonly FoundRecord[]): readonly HeldContainer[] {
  return records
    .filter(({ name }) => name === "stopped-containers")
    .flatMap(({ text }) => parseRecord(text));
}
