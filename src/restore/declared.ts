import { inspectVolume, type EngineVolume } from "../engine/volumes.ts";
import { DockformError, type Advice } from "../errors.ts";
import { existingVolume, meantVolume, type VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";
import { goOn, type Refusals } from "./refusals.ts";
import type { VolumeReplacement } from "./request.ts";

interface DeclaredOptions {
  /** Whether the command could create a volume that does not exist, had it been told to. */
  readonly mayCreate?: boolean;
  /** Whether the command could go on with a volume that is not declared, had it been told to. */
  readonly mayGoOn?: boolean;
  readonly refusals?: Refusals | undefined;
}

/**
 * @param options `refusals` collects that it is not declared, where it exists.
 * @throws DockformError `refused` for a volume that is not declared, or does not exist.
 */
export async function declaredVolume(
  { target, undeclared }: Pick<VolumeReplacement, "target" | "undeclared">,
  tools: Tools,
  { mayCreate = false, mayGoOn = true, refusals }: DeclaredOptions = {},
): Promise<EngineVolume> {
  if (!target.declared && !undeclared) {
    const volume = await inspectVolume(target.engine, target.volume, tools.signal);
    const error = notDeclared(target, [
      // Only a volume that exists could be worked on all the same, and only a missing one be created.
      ...(volume === undefined
        ? creating(mayCreate, "missing")
        : mayGoOn
          ? [goOn({ what: "undeclared volume" })]
          : []),
    ]);
    if (volume === undefined || refusals === undefined) throw error;
    refusals.collect(() => {
      throw error;
    });
    return volume;
  }
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
