import { setTimeout as sleep } from "node:timers/promises";
import { CONTAINER_WORK, DATA_WORK } from "./answer-limit.ts";
import type { EngineClient } from "./client.ts";
import { EngineApiError, isNotFound } from "./client.ts";
import {
  listOf,
  nullable,
  number,
  objectOf,
  optional,
  recordOf,
  text,
  type Shaped,
} from "./shape.ts";

/** A volume as `GET /volumes/{name}` describes it. */
export interface EngineVolume {
  readonly name: string;
  readonly driver: string;
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** The folder on the engine's host. */
  readonly mountpoint: string;
}

export interface VolumeDefinition {
  readonly name: string;
  readonly driver: string;
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

const TURN_POLL_MS = 200;
const TURN_WAIT_MS = 60_000;

const VOLUME = objectOf({
  Name: text,
  Driver: text,
  Mountpoint: text,
  Options: optional(recordOf(text)),
  Labels: optional(recordOf(text)),
});
const VOLUME_LIST = objectOf({ Volumes: nullable(listOf(VOLUME)) });
const DISK_USAGE = objectOf({
  Volumes: optional(
    listOf(objectOf({ Name: text, UsageData: optional(objectOf({ Size: number })) })),
  ),
});

/** Finds a volume; `undefined` when the engine has none of that name. */
export async function inspectVolume(
  engine: EngineClient,
  name: string,
  signal?: AbortSignal,
): Promise<EngineVolume | undefined> {
  try {
    const path = `/volumes/${encodeURIComponent(name)}`;
    return toVolume(await engine.ask("GET", path, VOLUME, { signal }));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** All volumes of the engine, sorted by name. */
export async function listVolumes(
  engine: EngineClient,
  signal?: AbortSignal,
): Promise<readonly EngineVolume[]> {
  const answer = await engine.ask("GET", "/volumes", VOLUME_LIST, { signal });
  return (answer.Volumes ?? []).map(toVolume).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

export async function createVolume(
  engine: EngineClient,
  definition: VolumeDefinition,
  signal?: AbortSignal,
): Promise<EngineVolume> {
  const answer = await engine.ask("POST", "/volumes/create", VOLUME, {
    limit: CONTAINER_WORK,
    body: {
      Name: definition.name,
      Driver: definition.driver,
      DriverOpts: definition.driverOpts,
      Labels: definition.labels,
    },
    signal,
  });
  return toVolume(answer);
}

/** Removes a volume and its files; of many the engine takes its time. */
export async function removeVolume(
  engine: EngineClient,
  name: string,
  signal?: AbortSignal,
): Promise<void> {
  const path = `/volumes/${encodeURIComponent(name)}`;
  await engine.json("DELETE", path, { limit: DATA_WORK, signal });
}

/**
 * Bytes that each volume of the `local` driver holds, by name; the engine walks them to find out. Many engines do that
 * for one client at a time: the others' turn is waited for, and where it does not come, no sizes are known.
 */
export async function volumeSizes(
  engine: EngineClient,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const deadline = performance.now() + TURN_WAIT_MS;
  for (;;) {
    try {
      return sizesIn(await diskUsage(engine, signal));
    } catch (error) {
      if (!isOthersTurn(error)) throw error;
      if (performance.now() > deadline) return new Map();
    }
    await sleep(TURN_POLL_MS, undefined, { signal });
  }
}

async function diskUsage(
  engine: EngineClient,
  signal: AbortSignal | undefined,
): Promise<Shaped<typeof DISK_USAGE>> {
  // `type` spares the engine the images and containers from API 1.42 on; older ones ignore it.
  return engine.ask("GET", "/system/df", DISK_USAGE, {
    query: { type: "volume" },
    limit: DATA_WORK,
    signal,
  });
}

/** An engine has no code for it. */
function isOthersTurn(error: unknown): boolean {
  return (
    error instanceof EngineApiError &&
    error.message.includes("disk usage operation is already running")
  );
}

function sizesIn({ Volumes }: Shaped<typeof DISK_USAGE>): ReadonlyMap<string, number> {
  const sizes = new Map<string, number>();
  for (const { Name, UsageData } of Volumes ?? []) {
    if (UsageData !== undefined && UsageData.Size >= 0) sizes.set(Name, UsageData.Size);
  }
  return sizes;
}

function toVolume(answer: Shaped<typeof VOLUME>): EngineVolume {
  return {
    name: answer.Name,
    driver: answer.Driver,
    driverOpts: answer.Options ?? {},
    labels: answer.Labels ?? {},
    mountpoint: answer.Mountpoint,
  };
}
