import { DockformError } from "../errors.ts";
import { isNotFound, type EngineClient } from "./client.ts";
import { removeContainer } from "./containers.ts";
import { flag, objectOf, optional, recordOf, text, type Shaped } from "./shape.ts";
import type { MountRequest, VolumeMount } from "./volume-mount.ts";

const ANSWER_TIMEOUT_MS = 30_000;

/** What only Podman's own API tells. */
const VOLUME = objectOf({
  Mountpoint: text,
  /** To the nanosecond: a volume that was removed and made again has another. */
  CreatedAt: text,
  Options: optional(recordOf(text)),
  /** Its first mount gives its root the owner, mode and time of the image's folder at that place. */
  NeedsChown: optional(flag),
});

type PodmanVolume = Shaped<typeof VOLUME>;

/**
 * Creates a container on a volume that is there. Podman makes one that is missing without a word, and does not give it
 * the labels of the mount: whether it did is told by the time of creation.
 *
 * @returns the container's id; `undefined` where the volume was gone, and no container is left.
 * @throws DockformError where a mount to read from would change the volume.
 */
export async function createOnPodmansVolume(
  engine: EngineClient,
  request: MountRequest,
  create: (mount: VolumeMount) => Promise<string>,
): Promise<string | undefined> {
  const before = await find(engine, request.volume);
  if (before === undefined) return undefined;
  const id = await create(mountOf(before, request));
  const after = await find(engine, request.volume).catch(async (error: unknown) => {
    await removeContainer(engine, id, AbortSignal.timeout(ANSWER_TIMEOUT_MS));
    throw error;
  });
  if (after?.CreatedAt === before.CreatedAt) return id;
  await removeContainer(engine, id, AbortSignal.timeout(ANSWER_TIMEOUT_MS));
  return undefined;
}

async function find(engine: EngineClient, name: string): Promise<PodmanVolume | undefined> {
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  const path = `/libpod/volumes/${encodeURIComponent(name)}/json`;
  try {
    return await engine.ask("GET", path, VOLUME, { signal });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Whoever only reads must not be the first to mount it: the folder is mounted in its place. */
function mountOf(found: PodmanVolume, { volume, readOnly }: MountRequest): VolumeMount {
  const isFirst = found.NeedsChown === true;
  const device = found.Options?.["device"];
  // One in memory is empty before its first mount.
  const isInMemory = found.Options?.["type"] === "tmpfs";
  if (!readOnly || !isFirst || isInMemory) {
    const VolumeOptions = { NoCopy: true };
    return { Type: "volume", Source: volume, Target: "/volume", ReadOnly: readOnly, VolumeOptions };
  }
  if (device === undefined) {
    return { Type: "bind", Source: found.Mountpoint, Target: "/volume", ReadOnly: true };
  }
  throw new DockformError(
    "volume.never-mounted",
    `no container has mounted volume "${volume}" yet, and the first mount changes its root: Podman gives that the owner, mode and time of the image's folder`,
    { hint: "Start the container that the volume is for once, then run the command again." },
  );
}
