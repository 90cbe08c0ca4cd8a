import { randomBytes } from "node:crypto";
import { isNotFound, type EngineClient } from "../engine/client.ts";
import { createContainer, type ContainerSummary } from "../engine/containers.ts";
import { createOnVolume } from "../engine/create-on-volume.ts";
import { VolumeGoneError } from "../engine/volume-mount.ts";
import { messageOf } from "../errors.ts";
import { holderDefinition } from "../helper/holder.ts";
import { removeHelper } from "../helper/session.ts";
import { operationLabels, type FoundRecord } from "../journal/operation.ts";
import { beginOperation } from "./lock.ts";
import type { Tools } from "../tools.ts";

/** The file system under a volume may be on a server that does not answer. */
const LOOK_TIMEOUT_MS = 10_000;
const IMPATIENT_MS = 2000;

/** What is needed to look into volumes. */
export interface Looking {
  readonly engine: EngineClient;
  /** All of the engine. */
  readonly containers: readonly ContainerSummary[];
  readonly tools: Tools;
}

/**
 * Whether what a record says of a volume's files can still be true: a record outlives a volume that somebody removes, and
 * one of the same name may be there by now. The engine does not tell the two apart (20.10 gives as a volume's creation
 * the last change of its folder), so this looks for the file, through a container that is never started. Where that
 * cannot be found out, it says so, and the record counts.
 *
 * @param path below the volume's root
 */
export async function isInVolume(
  looking: Looking,
  { containerId, volume }: FoundRecord,
  path: string,
): Promise<boolean> {
  const { containers, tools } = looking;
  const image = containers.find(({ id }) => id === containerId)?.imageId;
  if (image === undefined) return false;
  try {
    return await look(looking, image, volume, path);
  } catch (error) {
    tools.signal.throwIfAborted();
    if (error instanceof VolumeGoneError) return false;
    tools.log.warn(
      `cannot tell whether volume "${volume}" still holds ${path}, as the engine has recorded: ${messageOf(error)}`,
    );
    return true;
  }
}

async function look(
  { engine, tools }: Looking,
  image: string,
  volume: string,
  path: string,
): Promise<boolean> {
  const labels = operationLabels(beginOperation("look", volume, tools));
  const name = `dockform-look-${volume}-${randomBytes(4).toString("hex")}`;
  // Without the command's signal: a container whose id nobody knows would stay behind.
  const id = await createOnVolume(engine, { volume, readOnly: true }, (mount) =>
    createContainer(engine, name, holderDefinition(image, mount, labels)),
  );
  const signal = AbortSignal.any([tools.signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)]);
  try {
    const query = { path: `/volume/${path}` };
    await engine.json("HEAD", `/containers/${id}/archive`, { query, signal });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  } finally {
    // An engine that still waits for the server does not remove the container now.
    const limit = signal.aborted ? AbortSignal.timeout(IMPATIENT_MS) : undefined;
    await removeHelper(engine, id, limit).catch((error: unknown) => {
      tools.log.debug(`${name} is left for a later command to remove: ${messageOf(error)}`);
    });
  }
}
