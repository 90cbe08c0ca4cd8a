import { EngineApiError, isNotFound, type EngineClient } from "../engine/client.ts";
import {
  inspectContainer,
  listContainers,
  pauseContainer,
  setRestartPolicy,
  stopContainer,
  unpauseContainer,
  type ContainerSummary,
} from "../engine/containers.ts";
import { DockformError, messageOf } from "../errors.ts";
import type { FoundRecord } from "../journal/operation.ts";
import type { Log } from "../log.ts";
import { comesBackByItself, HELD_POLICY, parseRecord, type HeldContainer } from "./held.ts";
import { startPatiently, whyNotStarted } from "./start-patiently.ts";
import type { Ledger } from "./ledger.ts";
import { composeService, containerTitle, isActive, type VolumeUser } from "./users.ts";

/** A restart must not be cut short by the interruption that made it necessary. */
const START_TIMEOUT_MS = 120_000;
/** How long an engine that was killed and started again may keep a part of a container: seconds, as a rule. */
const PATIENCE_MS = 20_000;

/** What became of a container that was stopped for an operation. */
export interface ContainerOutcome {
  readonly id: string;
  readonly name: string;
  readonly outcome: "started" | "failed" | "gone";
  /** Why it does not run. */
  readonly problem: string | undefined;
  /** It is as it was before, which is paused: nothing can be told of its health. */
  readonly paused: boolean;
  readonly downtimeMs: number;
  /** The downtime's parts: until it had stopped, until its start was asked for, until it ran. */
  readonly stoppingMs: number;
  readonly swappingMs: number;
  readonly startingMs: number;
}

/** Makes sure that an operation is still this client's to go on with. */
type HoldOn = () => Promise<void>;

interface Times {
  stopAskedMs: number;
  /** `undefined` for one that did not stop: it was removed meanwhile. */
  stoppedMs: number | undefined;
}

/**
 * The containers that an operation has stopped. Before the first one is, the engine has a record of
 * them, so that whoever recovers the volume can start them again.
 */
export class StoppedContainers {
  readonly #engine: EngineClient;
  readonly #ledger: Ledger;
  readonly #log: Log;
  #held: readonly HeldContainer[] = [];
  #recordIds: readonly string[] = [];
  /** Whoever asked for the stops has died, and the engine may still be at them. */
  #mayBeStopping = false;
  /** The engine did not answer when it was asked to start one: nobody knows whether it runs. */
  #uncertain = false;
  /** Until when an engine may take to remove what is in the way of a start. */
  #patientUntilMs = 0;
  readonly #times = new Map<string, Times>();

  constructor(engine: EngineClient, ledger: Ledger, log: Log) {
    this.#engine = engine;
    this.#ledger = ledger;
    this.#log = log;
  }

  /** Those that an operation which was cut short had stopped, by its records. */
  static ofRecords(
    engine: EngineClient,
    ledger: Ledger,
    records: readonly FoundRecord[],
    log: Log,
  ): StoppedContainers {
    const stopped = new StoppedContainers(engine, ledger, log);
    stopped.#mayBeStopping = true;
    const listed = records.flatMap(({ text }) => parseRecord(text));
    stopped.#held = [...new Map(listed.map((held) => [held.id, held])).values()];
    stopped.#recordIds = records.map(({ containerId }) => containerId);
    return stopped;
  }

  /**
   * Stops those of the containers that are active, all at once. Each gets its own stop signal and
   * stop timeout. Nothing cuts this short: a stop that nobody waits for would still take place, after
   * the container was started again. One at rest that an engine would start as it starts itself is
   * kept from that.
   *
   * @param holdOn throws where the operation is another client's by now. It is asked once the record is there: whoever
   * takes the volume over after that finds the record, and whoever did before has no container stopped behind its back.
   * @throws DockformError `failed` when one does not stop; those that did are still known here.
   */
  async stop(users: readonly VolumeUser[], holdOn: HoldOn): Promise<void> {
    const described = await Promise.all(users.map(({ container }) => this.#describe(container)));
    const held = described
      .filter((container) => container !== undefined)
      .filter(({ active, restartPolicy }) => active || comesBackByItself(restartPolicy));
    if (held.length === 0) return;
    this.#held = held;
    await this.#record();
    try {
      await holdOn();
    } catch (error) {
      // Nothing was stopped.
      this.#held = [];
      await this.#removeRecords().catch((left: unknown) => this.#log.debug(messageOf(left)));
      throw error;
    }
    await this.#stopHeld();
  }

  /**
   * Stops those that are known and were active, whether they run by now or not.
   *
   * @param holdOn as for {@link stop}.
   */
  async stopAgain(holdOn: HoldOn): Promise<void> {
    // Another one where somebody may have taken the first away.
    await this.#record();
    await holdOn();
    await this.#stopHeld();
  }

  async #record(): Promise<void> {
    const record = await this.#ledger.record("stopped-containers", JSON.stringify(this.#held));
    this.#recordIds = [...this.#recordIds, record];
  }

  async #stopHeld(): Promise<void> {
    const results = await Promise.allSettled(this.#held.map((held) => this.#stop(held)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  names(): readonly string[] {
    return this.#held.map(({ name }) => name);
  }

  has({ id }: ContainerSummary): boolean {
    return this.#held.some((held) => held.id === id);
  }

  /** Starts what was stopped, paused again where it was paused. Failures are results, not errors. */
  async startAll(): Promise<readonly ContainerOutcome[]> {
    this.#uncertain = false;
    this.#patientUntilMs = performance.now() + PATIENCE_MS;
    const active = this.#held.filter((held) => held.active);
    const atRest = this.#held.filter((held) => !held.active);
    await Promise.all(atRest.map((held) => this.#releasePolicy(held)));
    const first = await Promise.all(active.map((held) => this.#start(held)));
    // One may need another to run already, whose network it shares for example.
    const outcomes: ContainerOutcome[] = [];
    for (const [i, held] of active.entries()) {
      const outcome = first[i];
      outcomes.push(outcome?.outcome === "started" ? outcome : await this.#start(held));
    }
    for (const { name, outcome, problem } of outcomes) {
      if (outcome !== "started") this.#log.warn(`${name} does not run: ${problem}`);
    }
    return outcomes;
  }

  /**
   * With nothing left to be started the engine forgets what was stopped. Where it did not answer, the
   * record stays, for a recovery to find.
   */
  async forget(): Promise<void> {
    if (this.#uncertain) {
      this.#ledger.abandon();
      const { name } = this.#ledger.volume;
      this.#log.warn("containers may be left stopped", {
        code: "recover",
        volume: name,
        when: "stopped",
      });
      return;
    }
    await this.#removeRecords();
  }

  async #removeRecords(): Promise<void> {
    for (const id of this.#recordIds) await this.#ledger.removeContainer(id);
    this.#recordIds = [];
  }

  /** `undefined` for one that was removed a moment ago. */
  async #describe(container: ContainerSummary): Promise<HeldContainer | undefined> {
    const details = await inspectContainer(this.#engine, container.id).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    if (details === undefined) return undefined;
    return {
      id: container.id,
      name: containerTitle(container),
      active: isActive(container),
      paused: container.state === "paused",
      startedAt: details.State.StartedAt,
      restartPolicy: details.HostConfig.RestartPolicy,
      service: composeService(container),
    };
  }

  async #stop({ id, name, active, restartPolicy }: HeldContainer): Promise<void> {
    if (active) this.#log.info(`Stopping ${name}`);
    const times: Times = { stopAskedMs: performance.now(), stoppedMs: undefined };
    this.#times.set(id, times);
    try {
      if (comesBackByItself(restartPolicy)) await setRestartPolicy(this.#engine, id, HELD_POLICY);
      if (!active) return;
      const { State, Config } = await inspectContainer(this.#engine, id);
      if (State.Status === "paused") await unpauseContainer(this.#engine, id);
      await stopContainer(this.#engine, id, Config.StopTimeout);
      times.stoppedMs = performance.now();
    } catch (error) {
      // Removed meanwhile: it does not use the volume any more, and starting reports it.
      if (isNotFound(error)) return;
      throw new DockformError("container.stop-failed", `cannot stop ${name}: ${messageOf(error)}`, {
        hint: "Look at it with `docker inspect` and `docker logs`.",
        cause: error,
      });
    }
  }

  async #start(held: HeldContainer): Promise<ContainerOutcome> {
    const signal = AbortSignal.timeout(START_TIMEOUT_MS);
    const { id, name, paused, restartPolicy } = held;
    const startAskedMs = performance.now();
    const after = (outcome: ContainerOutcome["outcome"], problem?: string): ContainerOutcome => ({
      id,
      name,
      outcome,
      problem,
      paused,
      ...this.#downtime(id, startAskedMs),
    });
    try {
      if (comesBackByItself(restartPolicy)) {
        await setRestartPolicy(this.#engine, id, restartPolicy, signal);
      }
      if (this.#mayBeStopping) await this.#endPendingStop(held, signal);
      if (paused) await this.#startPaused(id, signal);
      else await startPatiently(this.#engine, id, this.#patientUntilMs, signal);
      this.#log.info(`Started ${name}`);
      return after("started");
    } catch (error) {
      const gone = isNotFound(error) && (await this.#isGone(id, signal));
      if (!gone) {
        const answered = error instanceof EngineApiError;
        this.#uncertain ||= !answered;
        return after("failed", whyNotStarted(error));
      }
      const where = this.#whereItWent(held, signal);
      return after("gone", await where.catch(() => "it was removed in the meantime"));
    }
  }

  /** One that has run ever since may be about to end: a stop is asked for again, and waited for. */
  async #endPendingStop({ id, startedAt }: HeldContainer, signal: AbortSignal): Promise<void> {
    const { State, Config } = await inspectContainer(this.#engine, id, signal);
    if (State.StartedAt !== startedAt) return;
    if (State.Status === "paused") await unpauseContainer(this.#engine, id, signal);
    await stopContainer(this.#engine, id, Config.StopTimeout, signal);
  }

  async #releasePolicy({ id, name, restartPolicy }: HeldContainer): Promise<void> {
    try {
      await setRestartPolicy(
        this.#engine,
        id,
        restartPolicy,
        AbortSignal.timeout(START_TIMEOUT_MS),
      );
    } catch (error) {
      if (isNotFound(error)) return;
      this.#uncertain ||= !(error instanceof EngineApiError);
      this.#log.warn(`cannot set the restart policy of ${name} again: ${messageOf(error)}`);
    }
  }

  async #startPaused(id: string, signal: AbortSignal): Promise<void> {
    const { State } = await inspectContainer(this.#engine, id, signal);
    // A recovery may find it paused again already, and an engine starts no container that is.
    if (State.Status === "paused") return;
    await startPatiently(this.#engine, id, this.#patientUntilMs, signal);
    await pauseContainer(this.#engine, id, signal);
  }

  #downtime(
    id: string,
    startAskedMs: number,
  ): Pick<ContainerOutcome, "downtimeMs" | "stoppingMs" | "swappingMs" | "startingMs"> {
    const nowMs = performance.now();
    const { stopAskedMs = startAskedMs, stoppedMs = startAskedMs } = this.#times.get(id) ?? {};
    return {
      downtimeMs: Math.round(nowMs - stopAskedMs),
      stoppingMs: Math.round(stoppedMs - stopAskedMs),
      swappingMs: Math.round(startAskedMs - stoppedMs),
      startingMs: Math.round(nowMs - startAskedMs),
    };
  }

  /** "Not found" may also mean a network or another thing that the container needs. */
  async #isGone(id: string, signal: AbortSignal): Promise<boolean> {
    return inspectContainer(this.#engine, id, signal).then(
      () => false,
      (error: unknown) => isNotFound(error),
    );
  }

  async #whereItWent({ service }: HeldContainer, signal: AbortSignal): Promise<string> {
    if (service === undefined) return "it was removed in the meantime";
    const others = await listContainers(this.#engine, {
      filters: {
        label: [
          `com.docker.compose.project=${service.project}`,
          `com.docker.compose.service=${service.service}`,
        ],
      },
      signal,
    });
    const [successor] = others;
    return successor === undefined
      ? "it was removed in the meantime; start the service with `docker compose up -d`"
      : `it was recreated as ${successor.name}, which was left alone`;
  }
}
