import { inspectVolume, createVolume, removeVolume, type EngineVolume } from "../engine/volumes.ts";
import { DockformError, messageOf } from "../errors.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import { shapeDifferences, withoutToolLabels, type VolumeShape } from "../snapshot/spec-hash.ts";
import type { LockedVolume } from "../lock/lock.ts";
import type { Refusals } from "./refusals.ts";
import type { VolumeReplacement } from "./request.ts";
import { declaredVolume } from "./declared.ts";
import { inspectVolumeFiles } from "./files.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";

const CLEANUP_TIMEOUT_MS = 60_000;

/** By this label engines prune volumes that nobody has named, and this one has a name. */
const ANONYMOUS_LABEL = "com.docker.volume.anonymous";

const PLAIN: VolumeShape = { driver: "local", driverOpts: {}, labels: {} };

/**
 * How a missing volume is to be made: as its snapshot says, with all labels, so that Compose takes it for its own.
 * Labels that the manifest declares win; a driver or option that it declares otherwise is nobody's to choose here.
 *
 * @throws DockformError `refused` where manifest and snapshot differ, and for a copy that would lead to the original.
 */
export function shapeToCreate(target: VolumeTarget, sidecar: Sidecar | undefined): VolumeShape {
  const { volume, declaredShape } = target;
  if (sidecar === undefined) return declaredShape ?? PLAIN;
  const taken = shapeIn(sidecar, volume);
  if (declaredShape === undefined) {
    refuseSecondWay(target, sidecar);
    return taken;
  }
  return withDeclaredLabels(taken, declaredShape, (differences) => {
    return new DockformError(
      "volume.declared-otherwise",
      `the manifest declares volume "${volume}" differently from when the snapshot was taken: ${differences}`,
      {
        hint: "'There' is the snapshot, 'here' the manifest.",
        advice: [{ code: "apply-then-restore" }],
      },
    );
  });
}

/** @throws what `otherwise` makes of the differences where more than labels is declared otherwise. */
export function withDeclaredLabels(
  taken: VolumeShape,
  declared: VolumeShape,
  otherwise: (differences: string) => DockformError,
): VolumeShape {
  const differences = shapeDifferences({ ...taken, labels: {} }, { ...declared, labels: {} });
  if (differences.length > 0) throw otherwise(differences.join("; "));
  return { ...taken, labels: { ...taken.labels, ...declared.labels } };
}

/** A copy under another name belongs to no project: Compose and `destroy` remove by label. */
function shapeIn(sidecar: Sidecar, volume: string): VolumeShape {
  const shape = withoutAnonymousLabel({
    driver: sidecar.driver,
    driverOpts: sidecar.driver_opts ?? {},
    labels: sidecar.labels ?? {},
  });
  return sidecar.volume_name === volume ? shape : withoutToolLabels(shape);
}

/** A volume that a copy of an anonymous one is made as: it has a name. */
export function withoutAnonymousLabel({ labels, ...shape }: VolumeShape): VolumeShape {
  const { [ANONYMOUS_LABEL]: _, ...others } = labels;
  return { ...shape, labels: others };
}

/** Whether a volume's options say where its contents are. */
export function leadsElsewhere(driverOpts: VolumeShape["driverOpts"]): boolean {
  return Object.keys(driverOpts).length > 0 && driverOpts["type"] !== "tmpfs";
}

/** Options say where a volume's contents are, and those of another one are there already. */
function refuseSecondWay({ volume }: VolumeTarget, sidecar: Sidecar): void {
  const { volume_name: name, driver_opts: options } = sidecar;
  if (name === volume || !leadsElsewhere(options ?? {})) return;
  throw new DockformError(
    "volume.same-contents",
    `with the options of volume ${JSON.stringify(name)}, volume "${volume}" would lead to the same contents`,
    {
      advice: [{ code: "create-then-restore" }],
    },
  );
}

interface VolumeToRestoreOptions {
  /** Collects what can be allowed. */
  readonly refusals?: Refusals;
  /** Without one nothing is advised that would restore it. */
  readonly hasSnapshot?: boolean;
}

/**
 * The volume as the engine has it; `undefined` where there is none and it is to be created, which needs no
 * declaration: the name that the snapshot says guards against one that is mistyped.
 *
 * @throws DockformError `refused`.
 */
export async function volumeToRestore(
  request: Pick<VolumeReplacement, "target" | "undeclared" | "create">,
  tools: Tools,
  { refusals, hasSnapshot = true }: VolumeToRestoreOptions = {},
): Promise<EngineVolume | undefined> {
  const { target, create } = request;
  if (create) {
    const volume = await inspectVolume(target.engine, target.volume, tools.signal);
    if (volume === undefined) return undefined;
  }
  const mayCreate = !create && hasSnapshot;
  return declaredVolume(request, tools, { mayCreate, mayGoOn: hasSnapshot, refusals });
}

/**
 * A volume that is made for a restore. Disposing removes it again where the restore did not succeed and nothing can be
 * lost with it: it was seen to hold nothing, or its files are on a device that nothing was written to. Otherwise it stays.
 */
export class VolumeCreation implements AsyncDisposable {
  readonly #target: VolumeTarget;
  readonly #shape: VolumeShape;
  readonly #tools: Tools;
  #state: "to be made" | "perhaps made" | "made" | "empty" | "in use" = "to be made";
  #isWritten = false;
  /** Why it is not removed again, as far as that is known. */
  #reason = "it could not be looked into";

  constructor(target: VolumeTarget, shape: VolumeShape, tools: Tools) {
    this.#target = target;
    this.#shape = shape;
    this.#tools = tools;
  }

  /** @throws DockformError `refused` when another program has made one in the meantime. */
  async create(): Promise<EngineVolume> {
    const { engine, volume: name } = this.#target;
    const { log, signal } = this.#tools;
    // What may fail for other reasons does so before there is a volume.
    await this.#target.findHelperImage();
    // Reading the archive may have taken long, and the engine hands out one that exists as if it were new.
    if ((await inspectVolume(engine, name, signal)) !== undefined) throw madeMeanwhile(name);
    const volume = await this.#make();
    const differences = shapeDifferences(this.#shape, volume);
    if (differences.length > 0) {
      this.#state = "in use";
      throw madeMeanwhile(name);
    }
    this.#state = "made";
    log.info(`Created volume "${name}" (driver ${volume.driver})`);
    return volume;
  }

  async #make(): Promise<EngineVolume> {
    const { engine, volume: name } = this.#target;
    this.#state = "perhaps made";
    try {
      return await createVolume(engine, { name, ...this.#shape }, this.#tools.signal);
    } catch (error) {
      const signal = AbortSignal.timeout(CLEANUP_TIMEOUT_MS);
      if ((await inspectVolume(engine, name, signal)) === undefined) this.#state = "to be made";
      throw error;
    }
  }

  /** The restore is about to write to the volume. */
  willWrite(): void {
    this.#isWritten = true;
  }

  /** The restore has succeeded: the volume stays. */
  keep(): void {
    this.#state = "in use";
  }

  /** After a failure, with the lock in hand: looks whether the volume holds anything. */
  async look(lock: LockedVolume): Promise<void> {
    if (this.#state !== "made") return;
    if (lock.isAbandoned) {
      this.#reason = "the restore left something in it that needs to be recovered";
      return;
    }
    try {
      const signal = AbortSignal.timeout(CLEANUP_TIMEOUT_MS);
      const { empty, unfinished, kept } = await inspectVolumeFiles(lock.verbs, signal);
      if (empty && unfinished.length === 0 && kept === undefined) this.#state = "empty";
      else this.#reason = `it holds files${this.#isWritten ? "" : " that were there before"}`;
    } catch {
      // It stays then, and that is said.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state === "to be made" || this.#state === "in use") return;
    const reason = await this.#removeAgain();
    if (reason === undefined) return;
    const { volume: name } = this.#target;
    this.#tools.log.warn(
      `volume "${name}" was created for this restore and stays: ${reason}. If you do not want it: docker volume rm ${name}`,
    );
  }

  /** Returns why the volume stays; `undefined` where it was removed. */
  async #removeAgain(): Promise<string | undefined> {
    const { driver, driverOpts } = this.#shape;
    const isEmpty = this.#state === "empty";
    // The engine unmounts a device, and does not remove what is on it.
    const isUntouched =
      this.#state === "made" && driverOpts["device"] !== undefined && !this.#isWritten;
    // Another driver may have had contents under that name before, or remove more than the engine knows of.
    if (driver !== "local") {
      return isEmpty ? "it holds nothing, but its driver may remove more than that" : this.#reason;
    }
    if (!isEmpty && !isUntouched) return this.#reason;
    const { engine, volume: name } = this.#target;
    try {
      await removeVolume(engine, name, AbortSignal.timeout(CLEANUP_TIMEOUT_MS));
    } catch (error) {
      return messageOf(error);
    }
    const what = isEmpty ? ", which holds nothing" : "; nothing on its device was touched";
    this.#tools.log.info(`Removed volume "${name}" again${what}`);
    return undefined;
  }
}

function madeMeanwhile(name: string): DockformError {
  return new DockformError(
    "volume.created-meanwhile",
    `volume "${name}" was created by another program in the meantime`,
    {
      hint: "Nothing was touched. Look at it, then run the command again.",
    },
  );
}
