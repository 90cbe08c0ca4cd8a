import { formatTime } from "../format.ts";
import { randomBytes } from "node:crypto";
import { isConflict, isNotFound } from "../engine/client.ts";
import { createContainer, listContainers, removeStoppedContainer } from "../engine/containers.ts";
import { createOnVolume } from "../engine/create-on-volume.ts";
import { listVolumes, type EngineVolume } from "../engine/volumes.ts";
import { DockformError, messageOf } from "../errors.ts";
import { neverStarted } from "../helper/container.ts";
import { Helper } from "../helper/helper.ts";
import { holderDefinition } from "../helper/holder.ts";
import { endHelper, NameTakenError, removeHelper } from "../helper/session.ts";
import type { VolumeVerbs } from "../helper/verbs.ts";
import {
  ofVolume,
  operationInTheWay,
  OPERATIONS,
  readJournal,
  recordLabels,
  standInLabels,
  type FoundOperation,
  type Journal,
  type Operation,
  type OperationName,
  type RecordName,
  type WritingName,
} from "../journal/operation.ts";
import { stagingFolder } from "../snapshot/reserved.ts";
import { listSurely, withSureStates } from "../workload/list-surely.ts";
import { volumesSharing } from "../workload/sharing.ts";
import type { VolumeTarget } from "./target.ts";
import { AtWorkError, interrupted, refuseInterrupted } from "./refusals.ts";
import type { Tools } from "../tools.ts";
import { usersOfAny, type VolumeUser } from "../workload/users.ts";

const CLEANUP_TIMEOUT_MS = 120_000;
/** A container that is being removed holds its name for a moment. */
const NAME_POLL_MS = 50;
const NAME_WAIT_MS = 60_000;

/**
 * A volume that this client alone writes to, through one helper container at a time, whose name is the
 * lock: the engine lets only one container have it.
 */
export class LockedVolume implements AsyncDisposable {
  readonly target: VolumeTarget;
  readonly volume: EngineVolume;
  /** Twelve hex digits, the end of the staging folder's name. */
  readonly stagingId: string;
  readonly #operation: Operation;
  readonly #tools: Tools;
  /** Every helper that this client had; the last one is in use. */
  readonly #helpers: Helper[] = [];
  /** Containers that tell of those of them which died. */
  readonly #standIns: string[] = [];
  readonly #beforeRelease: (() => Promise<void>)[] = [];
  #abandoned = false;
  /** The helper beside which nobody was at work: who begins to read after that sees it, and gives way. */
  #seenAlone: string | undefined;

  private constructor(target: VolumeTarget, volume: EngineVolume, name: WritingName, tools: Tools) {
    this.target = target;
    this.volume = volume;
    this.stagingId = randomBytes(6).toString("hex");
    this.#tools = tools;
    this.#operation = {
      ...beginOperation(name, volume.name, tools),
      staging: stagingFolder(this.stagingId),
    };
  }

  /**
   * Starts the helper that holds the lock.
   *
   * @throws DockformError `refused` when another client works on the volume, or when an operation on it
   * was interrupted; a recovery takes over from the latter.
   */
  static async lock(
    target: VolumeTarget,
    volume: EngineVolume,
    name: WritingName,
    tools: Tools,
  ): Promise<LockedVolume> {
    const locked = new LockedVolume(target, volume, name, tools);
    await locked.#openHelper(tools.signal);
    return locked;
  }

  /** The helper that works now. */
  get helper(): Helper {
    const helper = this.#helpers.at(-1);
    if (helper === undefined) throw new Error("the volume is not locked");
    return helper;
  }

  /** Whether something was not finished, and left for a recovery to find. */
  get isAbandoned(): boolean {
    return this.#abandoned;
  }

  get #lockName(): string {
    return `dockform-restore-${this.volume.name}`;
  }

  /**
   * The containers that use the volume, and what the engine knows of operations on it, our own helpers
   * left out. To be asked with the lock in hand: of two clients that begin at the same moment at least
   * one then sees the other.
   *
   * @throws DockformError `refused` when another client is at work on the volume.
   */
  async survey(
    signal: AbortSignal,
  ): Promise<{ readonly users: readonly VolumeUser[]; readonly journal: Journal }> {
    const own = [...this.#helpers.map(({ containerId }) => containerId), ...this.#standIns];
    const around = await lookAround(this.target, this.volume, own, signal);
    const { name } = this.#operation;
    const others = around.journal.operations.filter(
      ({ operation }) =>
        OPERATIONS[operation.name].mounts === "rw" || this.#seenAlone !== this.helper.containerId,
    );
    const inTheWay = operationInTheWay({ ...around.journal, operations: others }, name);
    if (inTheWay !== undefined) throw new AtWorkError(inTheWay);
    this.#seenAlone = this.helper.containerId;
    // Of two that were cut short, one has to be recovered first.
    if (name !== "recover") refuseInterruptedNeighbours(around.journal, this.volume.name);
    return { users: around.users, journal: ofVolume(around.journal, this.volume.name) };
  }

  /** What the helper that works now can do. */
  get verbs(): VolumeVerbs {
    return this.helper.verbs;
  }

  /**
   * Asks the helper for something without the command's signal. Where it dies meanwhile, another one takes its place and
   * is asked `instead`.
   */
  async surely<T>(ask: (verbs: VolumeVerbs) => Promise<T>, instead = ask): Promise<T> {
    try {
      return await ask(this.verbs);
    } catch (error) {
      this.#tools.log.debug(`another helper takes over: ${messageOf(error)}`);
    }
    const signal = AbortSignal.timeout(CLEANUP_TIMEOUT_MS);
    // It may only have lost us, and be at work: whatever it does must be over before another one begins.
    await endHelper(this.target.engine, this.helper.containerId, signal);
    await this.#openHelper(signal);
    await this.#handOver();
    return instead(this.verbs);
  }

  /**
   * A helper that has the staging folder in hand tells by its own end what became of that. Until then those that died
   * have to, for one that knows of no folder ends as if nothing were left.
   */
  async #handOver(): Promise<void> {
    if ((await this.verbs.resume(this.stagingId)) === undefined) await this.#removeStandIns();
  }

  /** Keeps a text in the engine, on a container that is never started; returns its id. */
  record(name: RecordName, text: string): Promise<string> {
    return this.#leaveWord(name, recordLabels(name, this.volume.name, text));
  }

  /**
   * Makes a record of a volume in memory, which holds that once the caller starts it; returns its id.
   *
   * @param device the file system's device number
   */
  async addHolder(device: string): Promise<string> {
    const { reference } = await this.target.findHelperImage();
    const labels = recordLabels("volume-in-memory", this.volume.name, device);
    const { engine } = this.target;
    const on = { volume: this.volume.name, readOnly: true };
    return createOnVolume(engine, on, (mount) =>
      createContainer(
        engine,
        this.#wordName("volume-in-memory"),
        holderDefinition(reference, mount, labels),
      ),
    );
  }

  /** What is to be done in the end, with the lock still held, unless something is left for a recovery. */
  beforeRelease(action: () => Promise<void>): void {
    this.#beforeRelease.push(action);
  }

  /** Removes a record, or what another operation left; one that is gone already is as good. */
  async removeContainer(id: string): Promise<void> {
    await removeHelper(this.target.engine, id);
  }

  /** What was not finished stays in the engine and in the volume, for a recovery to find. */
  abandon(): void {
    this.#abandoned = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // As long as the lock is held nobody takes them for an interruption.
    if (!this.#abandoned) await this.#endAll();
    if (!this.#abandoned) await this.#removeStandIns();
    for (const helper of this.#helpers.splice(0)) {
      await (this.#abandoned ? helper.abandon() : helper[Symbol.asyncDispose]());
    }
  }

  async #endAll(): Promise<void> {
    for (const action of this.#beforeRelease.splice(0)) {
      await action().catch((error: unknown) => {
        this.#abandoned = true;
        this.#tools.log.warn(
          `cannot tell whether the lock of volume "${this.volume.name}" was removed: ${messageOf(error)}`,
          { code: "recover", volume: this.volume.name, when: "retry" },
        );
      });
    }
  }

  async #removeStandIns(): Promise<void> {
    for (const standIn of this.#standIns.splice(0)) {
      await this.removeContainer(standIn).catch((error: unknown) => {
        const id = standIn.slice(0, 12);
        this.#tools.log.warn(
          `cannot remove container ${id} (the marker of a helper that died): ${messageOf(error)}`,
          { code: "recover", volume: this.volume.name, when: "retry" },
        );
      });
    }
  }

  async #openHelper(signal: AbortSignal): Promise<void> {
    const image = await this.target.findHelperImage();
    const deadline = performance.now() + NAME_WAIT_MS;
    for (;;) {
      try {
        const helper = await Helper.open(this.target.engine, image, {
          name: this.#lockName,
          operation: this.#operation,
          temporaryFolder: this.#tools.temporaryFolder,
          capabilities: this.target.helperCapabilities,
          log: this.#tools.log,
          signal,
        });
        this.#helpers.push(helper);
        return;
      } catch (error) {
        if (!(error instanceof NameTakenError) || performance.now() > deadline) throw error;
        await this.#makeWay(error, signal);
      }
      await new Promise((resolve) => setTimeout(resolve, NAME_POLL_MS));
    }
  }

  /**
   * Takes the lock's name from a helper that is dead: one that left nothing, our own, or, for a recovery,
   * any. One that the engine is removing is waited for.
   *
   * @throws NameTakenError when a container that is not ours has it.
   */
  async #makeWay(taken: NameTakenError, signal: AbortSignal): Promise<void> {
    const containers = await listSurely(this.target.engine, signal);
    const named = containers.filter(({ name }) => name === this.#lockName);
    const [holder] = readJournal(named, this.volume.name).operations;
    if (named.length > 0 && holder === undefined) throw taken;
    if (holder === undefined || holder.standing === "going") return;
    const { containerId, standing } = holder;
    if (standing === "settled") {
      await this.#removeDead(containerId, signal);
    } else if (this.#helpers.some((helper) => helper.containerId === containerId)) {
      const standIn = await this.#replaceByStandIn(holder, signal);
      if (standIn !== undefined) this.#standIns.push(standIn);
    } else if (standing === "interrupted" && this.#operation.name === "recover") {
      await this.#replaceByStandIn(holder, signal);
    } else {
      throw standing === "interrupted"
        ? interrupted(holder, this.volume.name)
        : new AtWorkError(holder);
    }
  }

  /**
   * Removes a helper that still tells of something, once another container tells the same. Renaming it would be
   * less, but an engine that is removing a container while that is renamed never frees the old name.
   */
  async #replaceByStandIn(
    { containerId, containerName, operation }: FoundOperation,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const standIn = await this.#leaveWord("interrupted", standInLabels(operation));
    try {
      if (await this.#removeDead(containerId, signal)) return standIn;
    } catch (error) {
      await this.removeContainer(standIn);
      throw new DockformError(
        "helper.unremovable",
        `the engine cannot remove the dead helper ${containerName}: ${messageOf(error)}`,
        {
          hint: `Try \`docker rm --force ${containerName}\`, or restart the engine.`,
          advice: [{ code: "recover", volume: operation.volume, when: "after" }],
          cause: error,
        },
      );
    }
    // Somebody else has removed it, and has left word of their own before.
    await this.removeContainer(standIn);
    return undefined;
  }

  /** `false` where it is gone already, is being removed, or runs; the next attempt shows. */
  async #removeDead(id: string, signal: AbortSignal): Promise<boolean> {
    try {
      await removeStoppedContainer(this.target.engine, id, signal);
      return true;
    } catch (error) {
      if (isNotFound(error) || isConflict(error)) return false;
      throw error;
    }
  }

  /** A container that is never started and says something by its labels; returns its id. */
  async #leaveWord(what: string, labels: Readonly<Record<string, string>>): Promise<string> {
    const { reference } = await this.target.findHelperImage();
    const definition = neverStarted(reference, labels);
    return createContainer(this.target.engine, this.#wordName(what), definition);
  }

  #wordName(what: string): string {
    const suffix = randomBytes(4).toString("hex");
    return `dockform-${what}-${this.volume.name}-${suffix}`;
  }
}

/**
 * What the engine knows of the files in a volume, whichever volume they are reached by: the containers
 * that use them, and the operations on them, but for one's own helpers.
 */
export async function lookAround(
  { engine }: VolumeTarget,
  volume: EngineVolume,
  ownHelpers: readonly string[],
  signal: AbortSignal,
): Promise<{ readonly users: readonly VolumeUser[]; readonly journal: Journal }> {
  const [listed, volumes] = await Promise.all([
    listContainers(engine, { signal }),
    listVolumes(engine, signal),
  ]);
  const sharing = volumesSharing(volume, volumes);
  const containers = await withSureStates(engine, listed, sharing, signal);
  const others = containers.filter(({ id }) => !ownHelpers.includes(id));
  const journal = ofVolume(readJournal(others), ...sharing.map(({ name }) => name));
  return { users: usersOfAny(containers, sharing), journal };
}

/** A volume over the same files has to be recovered under its own name. */
function refuseInterruptedNeighbours({ operations, records }: Journal, volume: string): void {
  const neighbours = {
    operations: operations.filter(({ operation }) => operation.volume !== volume),
    records: records.filter((record) => record.volume !== volume),
  };
  refuseInterrupted(neighbours);
}

/** What a helper's labels say of an operation that begins now. */
export function beginOperation(name: OperationName, volume: string, tools: Tools): Operation {
  const startedAt = formatTime(tools.now());
  return { name, volume, client: tools.client, startedAt, staging: undefined };
}
