import type { EngineVolume } from "../engine/volumes.ts";
import { DockformError } from "../errors.ts";
import { existingVolume } from "../lock/target.ts";
import type { Tools } from "../tools.ts";
import type { VolumeRestore } from "./request.ts";

/**
 * @param otherwise how else a volume that does not exist can be had, as a clause that tells to do it.
 * @throws DockformError `refused` for a volume that is not declared, or does not exist.
 */
export async function declaredVolume(
  { target, undeclared }: Pick<VolumeRestore, "target" | "undeclared">,
  tools: Tools,
  otherwise = "",
): Promise<EngineVolume> {
  if (!target.declared && !undeclared) {
    throw new DockformError(
      "volume.undeclared",
      `volume "${target.volume}" is not defined in manifest for context "${target.context}"`,
      {
        hint: `Declare it under \`volumes:\`, or add --undeclared to work on it all the same.${otherwise === "" ? "" : ` If it does not exist, ${otherwise}`}`,
      },
    );
  }
  const hint = target.declared
    ? "Run `dockform apply` to create it."
    : "Create it with `docker volume create`, or declare it and run `dockform apply`.";
  const hints = otherwise === "" ? hint : `${hint} Or ${otherwise}`;
  return existingVolume(target, tools.signal, { code: "restore.no-volume", hint: hints });
}
