import type { EngineClient } from "../engine/client.ts";
import { listContainers } from "../engine/containers.ts";
import { listVolumes } from "../engine/volumes.ts";
import {
  isUnfinished,
  readJournal,
  type FoundOperation,
  type FoundRecord,
} from "../journal/operation.ts";

/**
 * The volumes of an engine on which something was, or may have been, cut short, those that are gone and of which the
 * engine still has a record, and those being worked on.
 */
export async function volumesToRecover(
  engine: EngineClient,
  signal: AbortSignal,
): Promise<{ readonly volumes: readonly string[]; readonly alive: readonly FoundOperation[] }> {
  const [containers, existing] = await Promise.all([
    listContainers(engine, { signal }),
    listVolumes(engine, signal),
  ]);
  const { operations, records } = readJournal(containers);
  const isGone = ({ volume }: FoundRecord): boolean =>
    !existing.some(({ name }) => name === volume);
  const alive = operations.filter(({ standing }) => standing === "alive");
  const busy = new Set(alive.map(({ operation }) => operation.volume));
  const left = [
    ...operations.filter(({ standing }) => standing !== "alive").map(({ operation }) => operation),
    ...records.filter((record) => isUnfinished(record) || isGone(record)),
  ];
  const volumes = new Set(left.map(({ volume }) => volume).filter((volume) => !busy.has(volume)));
  return { volumes: [...volumes].toSorted(), alive };
}
