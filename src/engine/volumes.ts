import type { EngineClient } from "./client.ts";
import { isNotFound } from "./client.ts";

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

interface VolumeAnswer {
  readonly Name: string;
  readonly Driver: string;
  readonly Mountpoint: string;
  readonly Options: Readonly<Record<string, string>> | null;
  readonly Labels: Readonly<Record<string, string>> | null;
}

/** Finds a volume; `undefined` when the engine has none of that name. */
export async function inspectVolume(
  engine: EngineClient,
  name: string,
  signal?: AbortSignal,
): Promise<EngineVolume | undefined> {
  try {
    const path = `/volumes/${encodeURIComponent(name)}`;
    return toVolume(await engine.json<VolumeAnswer>("GET", path, { signal }));
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
  const answer = await engine.json<{ readonly Volumes: readonly VolumeAnswer[] | null }>(
    "GET",
    "/volumes",
    { signal },
  );
  return (answer.Volumes ?? []).map(toVolume).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

export async function createVolume(
  engine: EngineClient,
  definition: VolumeDefinition,
  signal?: AbortSignal,
): Promise<EngineVolume> {
  const answer = await engine.json<VolumeAnswer>("POST", "/volumes/create", {
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

export async function removeVolume(
  engine: EngineClient,
  name: string,
  signal?: AbortSignal,
): Promise<void> {
  await engine.json("DELETE", `/volumes/${encodeURIComponent(name)}`, { signal });
}

/** Bytes that each volume of the `local` driver holds, by name; the engine walks them to find out. */
export async function volumeSizes(
  engine: EngineClient,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  interface UsageAnswer {
    readonly Volumes?:
      | readonly { readonly Name: string; readonly UsageData?: { readonly Size: number } }[]
      | null;
  }
  // `type` spares the engine the images and containers from API 1.42 on; older ones ignore it.
  const answer = await engine.json<UsageAnswer>("GET", "/system/df", {
    query: { type: "volume" },
    signal,
  });
  const sizes = new Map<string, number>();
  for (const { Name, UsageData } of answer.Volumes ?? []) {
    if (UsageData !== undefined && UsageData.Size >= 0) sizes.set(Name, UsageData.Size);
  }
  return sizes;
}

function toVolume(answer: VolumeAnswer): EngineVolume {
  return {
    name: answer.Name,
    driver: answer.Driver,
    driverOpts: answer.Options ?? {},
    labels: answer.Labels ?? {},
    mountpoint: answer.Mountpoint,
  };
}
