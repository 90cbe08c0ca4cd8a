/** What an operation replaced and could not remove from the disk: it harms nobody, but takes room. */
import type { EngineVolume } from "../engine/volumes.ts";
import { shellWord } from "../format.ts";
import type { Leftover } from "../helper/outcomes.ts";
import { readJournal, type FoundRecord, type Journal } from "../journal/operation.ts";
import type { LockedVolume } from "./lock.ts";
import { isInVolume, type Looking } from "./look.ts";
import { hostFolder } from "../workload/users.ts";

/** Has the engine say what is left in the volume, in place of what it said before of those folders. */
export async function recordLeftovers(
  lock: LockedVolume,
  found: readonly Leftover[],
): Promise<void> {
  for (const leftover of found) await lock.record("leftover", JSON.stringify(leftover));
}

/** Nothing of it is left, or what is left is about to be recorded again. */
export async function forgetLeftovers(lock: LockedVolume, journal: Journal): Promise<void> {
  for (const { containerId } of journal.records.filter(isLeftover)) {
    await lock.removeContainer(containerId);
  }
}

/** What is left in some volumes, and still there. */
export async function findLeftovers(
  looking: Looking,
  volumes: readonly EngineVolume[],
): Promise<readonly { readonly volume: EngineVolume; readonly leftover: Leftover }[]> {
  const records = readJournal(looking.containers).records.filter(isLeftover);
  const found = records.map(async (record) => {
    const volume = volumes.find(({ name }) => name === record.volume);
    const leftover = parseLeftover(record.text);
    if (volume === undefined) return [];
    return (await isInVolume(looking, record, leftover.folder)) ? [{ volume, leftover }] : [];
  });
  return (await Promise.all(found)).flat();
}

/** What to do about it, as commands for the engine's host, without a full stop; a recovery has to follow. */
export function leftoverHint(volume: EngineVolume, leftover: Leftover): string {
  const at = (path: string): string => shellWord(`${hostFolder(volume)}/${path}`);
  const commands =
    leftover.subvolumes.length > 0
      ? leftover.subvolumes.map((path) => `btrfs property set -ts ${at(path)} ro false`)
      : [`chattr -R -i -a ${at(leftover.folder)}`];
  return leftover.subvolumes.length > 0 || /not permitted/i.test(leftover.cause)
    ? `On the engine's host, while a container that uses the volume runs: ${commands.join(" && ")}`
    : `Find out what keeps ${at(leftover.folder)} on the engine's host from being removed`;
}

function isLeftover({ name }: FoundRecord): boolean {
  return name === "leftover";
}

/** Our own writing. */
function parseLeftover(text: string): Leftover {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(text) as Leftover;
}
