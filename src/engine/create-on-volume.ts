import { randomBytes } from "node:crypto";
import { isConflict, isNotFound, type EngineClient } from "./client.ts";
import { removeContainer } from "./containers.ts";
import { createOnPodmansVolume } from "./podman-volumes.ts";
import { VolumeGoneError, type MountRequest, type VolumeMount } from "./volume-mount.ts";
import { inspectVolume, removeVolume } from "./volumes.ts";

/** On a volume that the engine made for one of our containers, and on no other. */
const MADE_LABEL = "io.dockform.helper.made";
const ANSWER_TIMEOUT_MS = 30_000;

/**
 * Creates a container that has a volume mounted at /volume, and returns its id. Where the volume is missing, an engine
 * makes an empty one of that name without a word: it is removed again.
 *
 * @param create with the mount
 * @throws VolumeGoneError, whatever `create` throws.
 */
export async function createOnVolume(
  engine: EngineClient,
  request: MountRequest,
  create: (mount: VolumeMount) => Promise<string>,
): Promise<string> {
  const isPodman = await engine.isPodman();
  const onVolume = isPodman ? createOnPodmansVolume : createOnDockersVolume;
  const id = await onVolume(engine, request, create);
  if (id === undefined) throw new VolumeGoneError(request.volume);
  return id;
}

/** `undefined` where the volume was gone. */
async function createOnDockersVolume(
  engine: EngineClient,
  { volume, readOnly }: MountRequest,
  create: (mount: VolumeMount) => Promise<string>,
): Promise<string | undefined> {
  const mark = randomBytes(8).toString("hex");
  const id = await create({
    Type: "volume",
    Source: volume,
    Target: "/volume",
    ReadOnly: readOnly,
    // Without NoCopy the engine would fill an empty volume from the image. Only a volume that it makes gets the labels.
    VolumeOptions: { NoCopy: true, Labels: { [MADE_LABEL]: mark } },
  });
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS);
  try {
    const found = await inspectVolume(engine, volume, signal);
    if (found?.labels[MADE_LABEL] !== mark) return id;
  } catch (error) {
    await removeContainer(engine, id, signal);
    throw error;
  }
  await removeContainer(engine, id, signal);
  await removeVolume(engine, volume, signal).catch((error: unknown) => {
    // Somebody else uses it by now.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  });
  return undefined;
}
