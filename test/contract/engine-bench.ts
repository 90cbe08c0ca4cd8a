import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineClient } from "../../src/engine/client.ts";
import {
  createContainer,
  inspectContainer,
  listContainers,
  removeContainer,
  startContainer,
  type ContainerSummary,
} from "../../src/engine/containers.ts";
import { listVolumes, removeVolume } from "../../src/engine/volumes.ts";

/** An engine, and one test's place in it. */
export interface EnginePlace extends AsyncDisposable {
  /** Another client, as another process would have it. */
  readonly connect: () => EngineClient;
  /** Of an image with a shell. */
  readonly image: string;
  /** Of the names of whatever the test makes. */
  readonly prefix: string;
}

/** Takes away what a test has made. */
export async function clearPlace(engine: EngineClient, prefix: string): Promise<void> {
  const made = (await listContainers(engine)).filter(({ name }) => name.startsWith(prefix));
  // Podman removes none that another one stands on, which has the longer name.
  for (const { id } of made.toSorted((a, b) => b.name.length - a.name.length)) {
    await removeContainer(engine, id);
  }
  for (const { name } of await listVolumes(engine)) {
    if (name.startsWith(prefix)) await removeVolume(engine, name);
  }
}

type Definition = Readonly<Record<string, unknown>>;

/** What the clauses of the engine's contract have in common. */
export class Bench {
  readonly engine: EngineClient;
  readonly name: string;
  readonly volume: string;
  readonly #place: EnginePlace;

  constructor(place: EnginePlace) {
    this.#place = place;
    this.engine = place.connect();
    this.name = `${place.prefix}-container`;
    this.volume = `${place.prefix}-volume`;
  }

  /** Another client of the same engine. */
  other(): EngineClient {
    return this.#place.connect();
  }

  /** A container of a shell that waits for a line, or does what `script` says. */
  definition(script = "read line", more: Definition = {}): Definition {
    const { hostConfig = {}, ...fields } = more;
    return {
      Image: this.#place.image,
      Entrypoint: ["sh", "-c"],
      Cmd: [script],
      OpenStdin: true,
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      StopSignal: "SIGKILL",
      NetworkDisabled: true,
      HostConfig: { NetworkMode: "none", ...asDefinition(hostConfig) },
      ...fields,
    };
  }

  create(script?: string, more?: Definition): Promise<string> {
    return createContainer(this.engine, this.name, this.definition(script, more));
  }

  async running(script?: string, more?: Definition): Promise<string> {
    const id = await this.create(script, more);
    await startContainer(this.engine, id);
    return id;
  }

  /** What a definition says of a container that mounts the volume. */
  onVolume(mount: Definition = {}): Definition {
    const whole = { Type: "volume", Source: this.volume, Target: "/volume", ...mount };
    return { hostConfig: { Mounts: [whole] } };
  }

  async listed(id: string): Promise<ContainerSummary> {
    const found = (await listContainers(this.engine)).find((container) => container.id === id);
    assert.ok(found, "the container is in the list");
    return found;
  }

  async status(id: string): Promise<string> {
    return (await inspectContainer(this.engine, id)).State.Status;
  }
}

function asDefinition(value: unknown): Definition {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** Waits for what an engine does by itself. */
export async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; !(await holds()); attempt += 1) {
    assert.ok(attempt < 1000, `not seen: ${what}`);
    await sleep(20);
  }
}
