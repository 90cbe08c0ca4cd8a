import type { ContainerState, RestartPolicy } from "../../src/engine/containers.ts";
import { FakeProcess, type FakeConnection, type Program } from "./process.ts";

/** As much of the body of `POST /containers/create` as the fake engine heeds. */
export interface ContainerDefinition {
  readonly Image: string;
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly Labels?: Readonly<Record<string, string>>;
  readonly OpenStdin?: boolean;
  readonly StdinOnce?: boolean;
  readonly Tty?: boolean;
  readonly HostConfig?: {
    readonly AutoRemove?: boolean;
    readonly RestartPolicy?: RestartPolicy;
    readonly NetworkMode?: string;
    readonly Mounts?: readonly MountDefinition[];
  };
}

interface MountDefinition {
  readonly Type: string;
  readonly Source?: string;
  readonly Target: string;
  readonly ReadOnly?: boolean;
  readonly VolumeOptions?: { readonly Labels?: Readonly<Record<string, string>> };
}

export interface Health {
  readonly Status: "starting" | "healthy" | "unhealthy";
  readonly Log: readonly { readonly Output: string }[];
}

const NO_TIME = "0001-01-01T00:00:00Z";

/** A container of the fake engine; a test may set its state to what an engine alone cannot be brought to. */
export class FakeContainer {
  readonly id: string;
  readonly name: string;
  readonly imageId: string;
  readonly definition: ContainerDefinition;
  readonly created: string;
  readonly log: Buffer[] = [];
  readonly attached: FakeConnection[] = [];
  restartPolicy: RestartPolicy;
  restartCount = 0;
  state: ContainerState = "created";
  exitCode = 0;
  startedAt = NO_TIME;
  finishedAt = NO_TIME;
  health: Health | undefined;
  #process: FakeProcess | undefined;

  constructor(
    definition: ContainerDefinition,
    facts: Pick<FakeContainer, "id" | "name" | "imageId" | "created">,
  ) {
    this.id = facts.id;
    this.name = facts.name;
    this.imageId = facts.imageId;
    this.created = facts.created;
    this.definition = definition;
    this.restartPolicy = definition.HostConfig?.RestartPolicy ?? {
      Name: "no",
      MaximumRetryCount: 0,
    };
  }

  get isActive(): boolean {
    return this.state === "running" || this.state === "paused" || this.state === "restarting";
  }

  get mounts(): readonly MountDefinition[] {
    return this.definition.HostConfig?.Mounts ?? [];
  }

  mountsVolume(name: string): boolean {
    return this.mounts.some(({ Type, Source }) => Type === "volume" && Source === name);
  }

  get command(): readonly string[] {
    return [...(this.definition.Entrypoint ?? []), ...(this.definition.Cmd ?? [])];
  }

  get env(): Readonly<Record<string, string>> {
    const pairs = (this.definition.Env ?? []).map((pair) => pair.split("="));
    return Object.fromEntries(pairs.map(([name = "", ...value]) => [name, value.join("=")]));
  }

  /** Resolves once it has ended. */
  async start(program: Program, now: () => string): Promise<void> {
    this.state = "running";
    this.startedAt = now();
    const process = new FakeProcess(program, this, this.attached, this.log);
    this.#process = process;
    const exitCode = await process.ended;
    this.#process = undefined;
    this.state = "exited";
    this.exitCode = exitCode;
    this.finishedAt = now();
    this.attached.length = 0;
  }

  attach(connection: FakeConnection): void {
    this.attached.push(connection);
    this.#process?.attach(connection);
  }

  /**
   * Ends its process, and resolves once that has ended.
   *
   * @param takes what the process does before.
   */
  async end(takes: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const process = this.#process;
    if (process === undefined) return;
    await Promise.race([takes(), process.ended]);
    process.kill();
    await process.ended;
  }

  /** Resolves with the exit code once it does not run. */
  async wait(): Promise<number> {
    await this.#process?.ended;
    return this.exitCode;
  }
}
