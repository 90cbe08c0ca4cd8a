/**
 * What somebody else wrote into a volume while it was between old and new. It is no part of either, and may be the
 * only copy of something: it is kept in a folder of ours in the volume until its owner removes it.
 */
import { basename, dirname } from "node:path";
import { listContainers } from "../engine/containers.ts";
import type { EngineVolume } from "../engine/volumes.ts";
import { readJournal, type FoundRecord, type Journal } from "../journal/operation.ts";
import type { LockedVolume } from "./lock.ts";
import { isInVolume, type Looking } from "./look.ts";

/** Has the engine say so, for commands that do not look into the volume. */
export async function recordAside(lock: LockedVolume, path: string): Promise<void> {
  const signal = AbortSignal.timeout(RECORD_TIMEOUT_MS);
  const containers = await listContainers(lock.target.engine, { signal });
  const { records } = readJournal(containers, lock.volume.name);
  if (!records.some((record) => isAside(record) && record.text === path)) {
    await lock.record("set-aside", path);
  }
}

const RECORD_TIMEOUT_MS = 30_000;

/**
 * Has the engine say what the volume holds, and nothing else.
 *
 * @param paths one in each folder.
 */
export async function tellOfAside(
  lock: LockedVolume,
  { records }: Journal,
  paths: readonly string[],
): Promise<void> {
  for (const { containerId, text } of records.filter(isAside)) {
    if (!paths.includes(text)) await lock.removeContainer(containerId);
  }
  for (const path of paths) await recordAside(lock, path);
}

/** What volumes still hold of it: one path in each folder, by the volume's name. */
export async function findAside(
  looking: Looking,
  volumes: readonly EngineVolume[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = new Set(volumes.map(({ name }) => name));
  const records = readJournal(looking.containers).records.filter(
    (record) => isAside(record) && names.has(record.volume),
  );
  const isThere = await Promise.all(
    records.map((record) => isInVolume(looking, record, dirname(record.text))),
  );
  const found = records.filter((_, i) => isThere[i]);
  return new Map(
    found.map(({ volume }) => [
      volume,
      found.filter((record) => record.volume === volume).map(({ text }) => text),
    ]),
  );
}

function isAside({ name }: FoundRecord): boolean {
  return name === "set-aside";
}

/**
 * What there is, for a message.
 *
 * @param path one of it, in the volume.
 */
export function asideText(volume: string, path: string): string {
  return `files were written to volume "${volume}" during a swap (${basename(path)}): they were set aside in its folder ${dirname(path)}`;
}

/** What to do about it. */
export function asideAdvice(volume: string): string {
  return `Look at it in volume "${volume}", copy out what you need, and remove the folder.`;
}
