import { randomBytes } from "node:crypto";
import { isNotFound, type EngineClient } from "../engine/client.ts";
import { createContainer, type ContainerSummary } from "../engine/containers.ts";
import { holderDefinition } from "../helper/holder.ts";
import { removeHelper } from "../helper/session.ts";
import { HELPER_LABEL, type FoundRecord } from "../journal/operation.ts";

/**
 * Whether what a record says of a volume's files can still be true: a record outlives a volume that somebody removes, and
 * one of the same name may be there by now. The engine does not tell the two apart (20.10 gives as a volume's creation
 * the last change of its folder), so this looks for the file, through a container that is never started.
 *
 * @param containers the engine's, the record's own among them
 * @param path below the volume's root
 */
export async function isInVolume(
  engine: EngineClient,
  { containerId, volume }: FoundRecord,
  containers: readonly ContainerSummary[],
  path: string,
): Promise<boolean> {
  const image = containers.find(({ id }) => id === containerId)?.imageId;
  if (image === undefined) return false;
  const name = `dockform-look-${volume}-${randomBytes(4).toString("hex")}`;
  const definition = holderDefinition(image, volume, { [HELPER_LABEL]: "look" });
  // Without the command's signal: a container whose id nobody knows would stay behind.
  const id = await createContainer(engine, name, definition);
  try {
    await engine.json("HEAD", `/containers/${id}/archive`, { query: { path: `/volume/${path}` } });
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  } finally {
    await removeHelper(engine, id);
  }
}
