import { CONTAINER_WORK } from "./answer-limit.ts";
import type { EngineClient } from "./client.ts";
import {
  anything,
  flag,
  listOf,
  objectOf,
  optional,
  recordOf,
  text,
  type Shape,
  type Shaped,
} from "./shape.ts";

const MOUNT = objectOf({
  Type: text,
  /** The volume's name, for mounts of type `volume`. */
  Name: optional(text),
  /** The folder or file on the engine's host. */
  Source: text,
  Destination: text,
  RW: flag,
});

/** A mount as `GET /containers/{id}/json` resolves it. */
export type ConfiguredMount = Shaped<typeof MOUNT>;

const withImage = objectOf({ Image: text });
const CONFIG: Shape<Readonly<Record<string, unknown>> & { readonly Image: string }> = (
  value,
  at,
) => ({ ...recordOf(anything)(value, at), ...withImage(value, at) });

const CONTAINER = objectOf({
  Id: text,
  Name: text,
  /** The image's id. */
  Image: text,
  Mounts: listOf(MOUNT),
  Config: CONFIG,
  HostConfig: recordOf(anything),
});

/** A container as it was configured: what one needs to make another like it. */
export type ContainerConfig = Shaped<typeof CONTAINER>;

const IMAGE = objectOf({
  Config: optional(objectOf({ Volumes: optional(recordOf(anything)) })),
});

export async function inspectConfig(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<ContainerConfig> {
  const path = `/containers/${encodeURIComponent(id)}/json`;
  return engine.ask("GET", path, CONTAINER, { limit: CONTAINER_WORK, signal });
}

/** The paths that an image declares as volumes. */
export async function imageVolumes(
  engine: EngineClient,
  reference: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const path = `/images/${encodeURIComponent(reference)}/json`;
  const answer = await engine.ask("GET", path, IMAGE, { signal });
  return Object.keys(answer.Config?.Volumes ?? {});
}
