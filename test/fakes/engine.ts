/**
 * A Docker Engine in memory, as far as test/contract/engine.ts goes. Clients of it are in client.ts;
 * what the containers run is given by a table of programs.
 */
import { randomUUID } from "node:crypto";
import { EngineApiError } from "../../src/engine/client.ts";
import { HELPER_LABEL } from "../../src/journal/operation.ts";
import { FakeContainer, type ContainerDefinition } from "./container.ts";
import { FakeProcess, tinyShell, type FakeConnection, type Program } from "./process.ts";

export interface FakeVolume {
  readonly name: string;
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Contents of files, by their paths in the volume. */
  readonly files: Map<string, string>;
}

/** What a container, or an exec in one, runs. */
export type FindProgram = (
  command: readonly string[],
  container: FakeContainer,
) => Program | undefined;

interface Exec {
  readonly container: FakeContainer;
  readonly command: readonly string[];
}

/** When the fake engine's clock begins. */
const EPOCH_MS = Date.UTC(2026, 0, 1);

export class FakeEngine {
  readonly containers = new Map<string, FakeContainer>();
  readonly volumes = new Map<string, FakeVolume>();
  /** References of those that it has. */
  readonly images = new Set<string>(["helper:1", "app:1"]);
  /** What a stop takes: the process hears the signal, and has things to do. */
  stopTakes: () => Promise<void> = () => Promise.resolve();
  /** By which a client tells engines apart. */
  readonly id = randomUUID();
  readonly #findProgram: FindProgram;
  readonly #execs = new Map<string, Exec>();
  #ids = 0;
  #ticks = 0;

  constructor(findProgram: FindProgram = () => undefined) {
    this.#findProgram = findProgram;
  }

  /** Our own containers that are there: helpers, records and stand-ins. */
  get ours(): readonly FakeContainer[] {
    return [...this.containers.values()].filter(
      ({ definition }) => definition.Labels?.[HELPER_LABEL] !== undefined,
    );
  }

  /** @throws EngineApiError 404 */
  container(idOrName: string): FakeContainer {
    const found =
      this.containers.get(idOrName) ??
      [...this.containers.values()].find(({ name }) => name === idOrName);
    if (found === undefined) throw new EngineApiError(404, `No such container: ${idOrName}`);
    return found;
  }

  /** @throws EngineApiError 404 */
  volume(name: string): FakeVolume {
    const found = this.volumes.get(name);
    if (found === undefined) throw new EngineApiError(404, `get ${name}: no such volume`);
    return found;
  }

  /** An engine returns the volume that it has; one that differs in driver is a conflict. */
  createVolume(
    name: string,
    more: Partial<Pick<FakeVolume, "driver" | "options" | "labels">> = {},
  ): FakeVolume {
    const { driver = "local", options = {}, labels = {} } = more;
    const volume = this.volumes.get(name) ?? { name, driver, options, labels, files: new Map() };
    this.volumes.set(name, volume);
    return volume;
  }

  removeVolume(name: string): void {
    this.volume(name);
    const user = [...this.containers.values()].find((container) => container.mountsVolume(name));
    if (user !== undefined) {
      throw new EngineApiError(409, `remove ${name}: volume is in use - [${user.id}]`);
    }
    this.volumes.delete(name);
  }

  createContainer(name: string, definition: ContainerDefinition): FakeContainer {
    const holder = [...this.containers.values()].find((container) => container.name === name);
    if (holder !== undefined) {
      const text = `Conflict. The container name "/${name}" is already in use by container "${holder.id}".`;
      throw new EngineApiError(409, text);
    }
    if (!this.images.has(definition.Image.replace(/^sha256:/, ""))) {
      throw new EngineApiError(404, `No such image: ${definition.Image}`);
    }
    for (const { Type, Source = "", VolumeOptions } of definition.HostConfig?.Mounts ?? []) {
      // Like an engine on another machine, it sees no folder of this one.
      if (Type === "bind" && Source !== "/dev/null") {
        throw new EngineApiError(400, "invalid mount config: bind source path does not exist");
      }
      if (Type === "volume") this.createVolume(Source, { labels: VolumeOptions?.Labels ?? {} });
    }
    const facts = {
      id: this.#newId(),
      name,
      imageId: imageId(definition.Image),
      created: this.now(),
    };
    const container = new FakeContainer(definition, facts);
    this.containers.set(container.id, container);
    return container;
  }

  startContainer(id: string): void {
    const container = this.container(id);
    if (container.state === "paused") {
      throw new EngineApiError(409, "cannot start a paused container, try unpause instead");
    }
    if (container.isActive) return;
    this.#refuseMissingNetwork(container);
    const program = this.#programFor(container.command, container);
    void this.#run(container, program);
  }

  async #run(container: FakeContainer, program: Program): Promise<void> {
    await container.start(program, () => this.now());
    if (container.definition.HostConfig?.AutoRemove === true) this.containers.delete(container.id);
  }

  #refuseMissingNetwork({ definition }: FakeContainer): void {
    const other = /^container:(.*)$/.exec(definition.HostConfig?.NetworkMode ?? "")?.[1];
    if (other === undefined) return;
    const holder = [...this.containers.values()].find((c) => c.id === other || c.name === other);
    if (holder === undefined) throw new EngineApiError(404, `No such container: ${other}`);
    if (!holder.isActive) {
      const text = `cannot join network of a non running container: ${holder.id}`;
      throw new EngineApiError(409, text);
    }
  }

  async stopContainer(id: string): Promise<void> {
    await this.container(id).end(this.stopTakes);
  }

  async killContainer(id: string): Promise<void> {
    const container = this.container(id);
    if (!container.isActive) throw new EngineApiError(409, `Container ${id} is not running`);
    await container.end();
  }

  pauseContainer(id: string): void {
    const container = this.container(id);
    if (container.state !== "running") {
      throw new EngineApiError(409, `Container ${id} is not running or already paused`);
    }
    container.state = "paused";
  }

  unpauseContainer(id: string): void {
    const container = this.container(id);
    if (container.state !== "paused")
      throw new EngineApiError(500, `Container ${id} is not paused`);
    container.state = "running";
  }

  async removeContainer(id: string, force: boolean): Promise<void> {
    const container = this.container(id);
    if (container.state === "removing") {
      throw new EngineApiError(409, `removal of container ${id} is already in progress`);
    }
    if (container.isActive && !force) {
      const text = `You cannot remove a ${container.state} container ${id}. Stop the container before attempting removal or force remove`;
      throw new EngineApiError(409, text);
    }
    await container.end();
    this.containers.delete(container.id);
  }

  attach(id: string, connection: FakeConnection): void {
    this.container(id).attach(connection);
  }

  createExec(id: string, command: readonly string[]): string {
    const container = this.container(id);
    if (container.state !== "running") {
      throw new EngineApiError(409, `Container ${id} is not running`);
    }
    const execId = this.#newId();
    this.#execs.set(execId, { container, command });
    return execId;
  }

  startExec(id: string, connection: FakeConnection): void {
    const exec = this.#execs.get(id);
    if (exec === undefined) throw new EngineApiError(404, `No such exec instance: ${id}`);
    const { command, container } = exec;
    const { env } = container;
    const program = this.#programFor(command, container);
    const process = new FakeProcess(program, { command, env }, [connection], []);
    // It dies with the container's first process.
    void container.wait().finally(() => process.kill());
  }

  /** The engine's clock; it goes on whenever it is looked at. */
  now(): string {
    this.#ticks += 1;
    return new Date(EPOCH_MS + this.#ticks).toISOString();
  }

  #programFor(command: readonly string[], container: FakeContainer): Program {
    return this.#findProgram(command, container) ?? tinyShell;
  }

  #newId(): string {
    this.#ids += 1;
    const count = this.#ids.toString(16).padStart(4, "0").repeat(8);
    return `${count}${this.id.replaceAll("-", "")}`;
  }
}

export function imageId(reference: string): string {
  return `sha256:${reference.replace(/^sha256:/, "")}`;
}
