import type { EngineVolume } from "../engine/volumes.ts";
import { DockformError, type Advice } from "../errors.ts";
import { existingVolume, meantVolume, type VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";
import type { VolumeRestore } from "./request.ts";

/**
 * @param options whether a volume that does not exist could be created by the command, had it been told to.
 * @throws DockformError `refused` for a volume that is not declared, or does not exist.
 */
export async function declaredVolume(
  { target, undeclared }: Pick<VolumeRestore, "target" | "undeclared">,
  tools: Tools,
  { mayCreate } = { mayCreate: false },
): Promise<EngineVolume> {
  if (!target.declared && !undeclared) throw notDeclared(target, creating(mayCreate, "missing"));
  const advice: readonly Advice[] = [
    { code: target.declared ? "apply" : "create-or-declare" },
    ...creating(mayCreate, "otherwise"),
  ];
  return existingVolume(target, tools.signal, { code: "restore.no-volume", advice });
}

function notDeclared(
  { volume, context, declaredVolumes }: VolumeTarget,
  further: readonly Advice[],
): DockformError {
  const [message, advice] =
    declaredVolumes === undefined
      ? ([
          `there is no manifest, so volume "${volume}" is not declared`,
          "manifest-or-undeclared",
        ] as const)
      : ([
          `volume "${volume}" is not defined in manifest for context "${context}"${meantVolume(volume, declaredVolumes)}`,
          "declare-volume",
        ] as const);
  return new DockformError("volume.undeclared", message, {
    advice: [{ code: advice }, ...further],
  });
}

function creating(mayCreate: boolean, when: "missing" | "otherwise"): readonly Advice[] {
  return mayCreate ? [{ code: "create-from-snapshot", when }] : [];
}
