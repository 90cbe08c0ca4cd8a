import type { EngineClient } from "../engine/client.ts";
import { inspectVolume, type EngineVolume } from "../engine/volumes.ts";
import { DockformError, type Advice, type ErrorCode } from "../errors.ts";
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
  /** As `apply` would create it; `undefined` for one that is not declared. */
  readonly declaredShape: VolumeShape | undefined;
  /** Where its snapshots are written, and under which name. */
  readonly store: Store;
  readonly storedAs: StoredVolume;
  readonly findHelperImage: FindHelperImage;
  /** The manifest's, beyond those that every helper has. */
  readonly helperCapabilities: readonly string[];
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
  throw new DockformError(
    code,
    `volume "${target.volume}" not found in Docker context "${target.context}"`,
    { advice, data: { volume: target.volume, context: target.context } },
  );
}
