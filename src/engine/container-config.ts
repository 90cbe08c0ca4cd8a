import type { EngineClient } from "./client.ts";

/** A mount as `GET /containers/{id}/json` resolves it. */
export interface ConfiguredMount {
  readonly Type: string;
  /** The volume's name, for mounts of type `volume`. */
  readonly Name?: string;
  /** The folder or file on the engine's host. */
  readonly Source: string;
  readonly Destination: string;
  readonly RW: boolean;
}

/** A container as it was configured: what one needs to make another like it. */
export interface ContainerConfig {
  readonly Id: string;
  readonly Name: string;
  /** The image's id. */
  readonly Image: string;
  readonly Mounts: readonly ConfiguredMount[];
  readonly Config: Readonly<Record<string, unknown>> & { readonly Image: string };
  readonly HostConfig: Readonly<Record<string, unknown>>;
}

export async function inspectConfig(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<ContainerConfig> {
  return engine.json("GET", `/containers/${encodeURIComponent(id)}/json`, { signal });
}

/** The paths that an image declares as volumes. */
export async function imageVolumes(
  engine: EngineClient,
  reference: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const answer = await engine.json<{
    readonly Config: { readonly Volumes?: Readonly<Record<string, unknown>> | null } | null;
  }>("GET", `/images/${encodeURIComponent(reference)}/json`, { signal });
  return Object.keys(answer.Config?.Volumes ?? {});
}
