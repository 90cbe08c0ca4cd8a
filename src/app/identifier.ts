import type { EngineVolume } from "../engine/volumes.ts";
import type { VolumeSpec } from "../manifest/manifest.ts";

/** The label by which volumes of a manifest are told from others. */
const IDENTIFIER_LABEL = "io.dockform.identifier";

/** The identifier of the manifest that a volume was created for; `undefined` where there was none. */
export function identifierOf(volume: EngineVolume): string | undefined {
  return volume.labels[IDENTIFIER_LABEL];
}

/** The volumes that carry this manifest's label. */
export function ownedVolumes(
  existing: readonly EngineVolume[],
  identifier: string,
): readonly EngineVolume[] {
  return existing.filter((volume) => identifierOf(volume) === identifier);
}

/** The labels a declared volume is created with. */
export function labelsFor(spec: VolumeSpec, identifier: string): Readonly<Record<string, string>> {
  return { ...spec.labels, [IDENTIFIER_LABEL]: identifier };
}
