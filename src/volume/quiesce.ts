import { isNotFound, type EngineClient } from "../engine/client.ts";
import {
  inspectContainer,
  listContainers,
  pauseContainer,
  startContainer,
  stopContainer,
  unpauseContainer,
  type ContainerSummary,
} from "../engine/containers.ts";
import { DockformError, messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { composeService, containerTitle, isActive, type VolumeUser } from "./users.ts";

/** A restart must not be cut short by the interruption that made it necessary. */
const START_TIMEOUT_MS = 120_000;

/** What became of a container that was stopped for an operation. */
export interface ContainerOutcome {
  readonly name: string;
  readonly outcome: "started" | "failed" | "gone";
  /** Why it does not run. */
  readonly problem: string | undefined;
  readonly downtimeMs: number;
}

/**
 * Refuses containers that must not be stopped: stopping removes one that was run with `--rm`, and a
 * swarm service starts another in place of its own.
 *
 * @throws DockformError `refused`.
 */
export async function refuseUnstoppable(
  engine: EngineClient,
  users: readonly VolumeUser[],
  signal: AbortSignal,
): Promise<void> {
  for (const { container } of users) {
    if (!isActive(container)) continue;
    const why = await whyUnstoppable(engine, container, signal);
    if (why === undefined) continue;
    throw new DockformError(
      "refused",
      `${containerTitle(container)} cannot be stopped and started again: ${why}`,
      {
        hint: "Nothing was touched. Stop it yourself, restore, then start it again.",
      },
    );
  }
}

async function whyUnstoppable(
  engine: EngineClient,
  container: ContainerSummary,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (container.labels["com.docker.swarm.service.id"] !== undefined) {
    return "it belongs to a swarm service, which would start another in its place";
  }
  const { HostConfig } = await inspectContainer(engine, container.id, signal);
  return HostConfig.AutoRemove ? "it was run with --rm, so stopping removes it" : undefined;
}

interface StoppedContainer {
  readonly container: ContainerSummary;
  readonly stoppedAtMs: number;
}

/** The containers that an operation has stopped. */
export class StoppedContainers {
  readonly #engine: EngineClient;
  readonly #log: Log;
  readonly #stopped: StoppedContainer[] = [];

  constructor(engine: EngineClient, log: Log) {
    this.#engine = engine;
    this.#log = log;
  }

  /**
   * Stops those of the containers that are active, all at once. Each gets its own stop signal and
   * stop timeout. Nothing cuts this short: a stop that nobody waits for would still take place, after
   * the container was started again.
   *
   * @throws DockformError `failed` when one does not stop; those that did are still known here.
   */
  async stop(users: readonly VolumeUser[]): Promise<void> {
    const active = users.map((user) => user.container).filter(isActive);
    const results = await Promise.allSettled(active.map((container) => this.#stop(container)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  names(): readonly string[] {
    return this.#stopped.map(({ container }) => containerTitle(container));
  }

  has(container: ContainerSummary): boolean {
    return this.#stopped.some((stopped) => stopped.container.id === container.id);
  }

  /** Starts what was stopped, paused again where it was paused. Failures are results, not errors. */
  async startAgain(): Promise<readonly ContainerOutcome[]> {
    const stopped = this.#stopped.splice(0);
    const first = await Promise.all(stopped.map((each) => this.#start(each)));
    // One may need another to run already, whose network it shares for example.
    const outcomes: ContainerOutcome[] = [];
    for (const [i, each] of stopped.entries()) {
      const outcome = first[i];
      outcomes.push(outcome?.outcome === "started" ? outcome : await this.#start(each));
    }
    for (const { name, outcome, problem } of outcomes) {
      if (outcome !== "started") this.#log.warn(`${name} does not run: ${problem}`);
    }
    return outcomes;
  }

  async #stop(container: ContainerSummary): Promise<void> {
    this.#log.info(`Stopping ${containerTitle(container)}`);
    const stoppedAtMs = performance.now();
    // Known before the attempt: a stop that fails half-way has to be undone as well.
    this.#stopped.push({ container, stoppedAtMs });
    try {
      if (container.state === "paused") await unpauseContainer(this.#engine, container.id);
      await stopContainer(this.#engine, container.id);
    } catch (error) {
      // Removed meanwhile: it does not use the volume any more, and starting reports it.
      if (isNotFound(error)) return;
      throw new DockformError(
        "failed",
        `cannot stop ${containerTitle(container)}: ${messageOf(error)}`,
        {
          hint: "Look at it with `docker inspect` and `docker logs`.",
          cause: error,
        },
      );
    }
  }

  async #start({ container, stoppedAtMs }: StoppedContainer): Promise<ContainerOutcome> {
    const signal = AbortSignal.timeout(START_TIMEOUT_MS);
    const name = containerTitle(container);
    const after = (outcome: ContainerOutcome["outcome"], problem?: string): ContainerOutcome => ({
      name,
      outcome,
      problem,
      downtimeMs: Math.round(performance.now() - stoppedAtMs),
    });
    try {
      await startContainer(this.#engine, container.id, signal);
      if (container.state === "paused") await pauseContainer(this.#engine, container.id, signal);
      this.#log.info(`Started ${name}`);
      return after("started");
    } catch (error) {
      const gone = isNotFound(error) && (await this.#isGone(container, signal));
      if (!gone) return after("failed", messageOf(error));
      const where = this.#whereItWent(container, signal);
      return after("gone", await where.catch(() => "it was removed meanwhile"));
    }
  }

  /** "Not found" may also mean a network or another thing that the container needs. */
  async #isGone(container: ContainerSummary, signal: AbortSignal): Promise<boolean> {
    return inspectContainer(this.#engine, container.id, signal).then(
      () => false,
      (error: unknown) => isNotFound(error),
    );
  }

  async #whereItWent(container: ContainerSummary, signal: AbortSignal): Promise<string> {
    const service = composeService(container);
    if (service === undefined) return "it was removed meanwhile";
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
      ? "it was removed meanwhile; start the service with `docker compose up -d`"
      : `it was recreated meanwhile as ${successor.name}, which was left alone`;
  }
}
