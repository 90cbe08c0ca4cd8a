import type { Declared } from "../advice.ts";
import type { EngineClient } from "../engine/client.ts";
import { inspectVolume, listVolumes, type EngineVolume } from "../engine/volumes.ts";
import { DockformError, type Advice, type ErrorCode } from "../errors.ts";
import { nearest } from "../nearest.ts";
import type { VolumeShape } from "../snapshot/spec-hash.ts";
import type { Store, StoredVolume } from "../store/store.ts";
import type { FindHelperImage } from "../tools.ts";

/** One volume of one engine, as a command's words and the manifest name it. */
export interface VolumeTarget {
  readonly engine: EngineClient;
  /** The docker context's name. */
  readonly context: string;
  readonly volume: string;
  /** Whether the manifest declares the volume; without a manifest nothing is declared. */
  readonly declared: boolean;
  /** Names of all volumes that the manifest declares in this context; `undefined` without a manifest. */
  readonly declaredVolumes: readonly string[] | undefined;
  /** As `apply` would create it; `undefined` for one that is not declared. */
  readonly declaredShape: VolumeShape | undefined;
  /** Where its snapshots are written, and under which name. */
  readonly store: Store;
  readonly storedAs: StoredVolume;
  readonly findHelperImage: FindHelperImage;
  /** The manifest's, beyond those that every helper has. */
  readonly helperCapabilities: readonly string[];
}

/** For advice on how to work on it. */
export function declaredOf({ volume, declared }: VolumeTarget): Declared {
  return { volume, declared };
}

/** How it is said that there is no such volume. */
interface Missing {
  readonly code: ErrorCode;
  readonly advice: readonly Advice[];
}

const MISSING: Missing = {
  code: "volume.not-found",
  advice: [{ code: "list-volumes" }],
};

/**
 * The volume as the engine has it.
 *
 * @throws DockformError when there is none of that name: `volume.not-found`, or the given code.
 */
export async function existingVolume(
  target: VolumeTarget,
  signal: AbortSignal,
  { code, advice }: Missing = MISSING,
): Promise<EngineVolume> {
  const volume = await inspectVolume(target.engine, target.volume, signal);
  if (volume !== undefined) return volume;
  const others = (await listVolumes(target.engine, signal)).map(({ name }) => name);
  throw new DockformError(
    code,
    `volume "${target.volume}" not found in Docker context "${target.context}"${meantVolume(target.volume, others)}`,
    { advice, data: { volume: target.volume, context: target.context } },
  );
}

/** The end of a message about a volume that is not among some: the one that may have been meant. */
export function meantVolume(volume: string, volumes: readonly string[]): string {
  const meant = nearest(volume, volumes);
  return meant === undefined ? "" : `; did you mean "${meant}"?`;
}
