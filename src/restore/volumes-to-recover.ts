import { listSurely } from "../workload/list-surely.ts";
import type { EngineClient } from "../engine/client.ts";
import { listVolumes } from "../engine/volumes.ts";
import { isWriting } from "./await-writer.ts";
import {
  isUnfinished,
  readJournal,
  type FoundOperation,
  type FoundRecord,
} from "../journal/operation.ts";

export interface VolumesToRecover {
  /** Something was, or may have been, cut short on them; or they are gone, and the engine still has a record of them. */
  readonly volumes: readonly string[];
  /** A helper writes to them. Whether its client is dead shows once it has ended. */
  readonly written: readonly string[];
  /** What is at work on others. */
  readonly alive: readonly FoundOperation[];
}

/** What of an engine's volumes a recovery has to look at. */
export async function volumesToRecover(
  engine: EngineClient,
  signal: AbortSignal,
): Promise<VolumesToRecover> {
  const [containers, existing] = await Promise.all([
    listSurely(engine, signal),
    listVolumes(engine, signal),
  ]);
  const { operations, records } = readJournal(containers);
  const isGone = ({ volume }: FoundRecord): boolean =>
    !existing.some(({ name }) => name === volume);
  const alive = operations.filter(({ standing }) => standing === "alive");
  const busy = new Set(alive.map(({ operation }) => operation.volume));
  const written = new Set(alive.filter(isWriting).map(({ operation }) => operation.volume));
  const left = [
    ...operations.filter(({ standing }) => standing !== "alive").map(({ operation }) => operation),
    ...records.filter((record) => isUnfinished(record) || isGone(record)),
  ];
  const volumes = new Set(left.map(({ volume }) => volume).filter((volume) => !busy.has(volume)));
  return {
    volumes: [...volumes].toSorted(),
    written: [...written].toSorted(),
    alive: alive.filter(({ operation }) => !written.has(operation.volume)),
  };
}
