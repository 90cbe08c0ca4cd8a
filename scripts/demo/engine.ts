import { randomBytes } from "node:crypto";
import { machine, tmpdir } from "node:os";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { EngineApiError, EngineClient } from "../../src/engine/client.ts";
import {
  attachContainer,
  createContainer,
  execInContainer,
  inspectContainer,
  listContainers,
  removeContainer,
  startContainer,
  waitContainer,
} from "../../src/engine/containers.ts";
import { demultiplex } from "../../src/engine/multiplex.ts";
import { listOf, objectOf, optional, text as aText } from "../../src/engine/shape.ts";
import { engineInfo } from "../../src/engine/system.ts";
import { listVolumes, removeVolume } from "../../src/engine/volumes.ts";
import { helperImage } from "../../src/helper/image.ts";
import { canStartPrivateEngine, startPrivateEngine } from "../../test/engine/private-engine.ts";
import { reachableEndpoint } from "../../test/engine/test-engine.ts";

/** A command that is run in a container which sees one volume, at /data. */
export interface VolumeCommand {
  readonly volume: string;
  readonly readOnly: boolean;
  readonly script: string;
  readonly stdin?: Readable;
}

interface Engine {
  readonly client: EngineClient;
  /** Ends it, where it is the demo's own. */
  stop(): Promise<void>;
  /** What the CLI needs to find it. */
  readonly env: NodeJS.ProcessEnv;
  readonly isPrivate: boolean;
}

/**
 * The engine of the demo: the one that is reachable here or else a private one. Everything on it
 * that the demo makes has the demo's own prefix, and goes with `remove()`.
 */
export class DemoEngine {
  readonly prefix = `demo-${randomBytes(2).toString("hex")}`;
  readonly client: EngineClient;
  readonly env: NodeJS.ProcessEnv;
  readonly isPrivate: boolean;
  readonly #engine: Engine;
  readonly #imagesBefore: ReadonlySet<string>;
  #helperImage: string | undefined;

  private constructor(engine: Engine, imagesBefore: ReadonlySet<string>) {
    this.#engine = engine;
    this.client = engine.client;
    this.env = engine.env;
    this.isPrivate = engine.isPrivate;
    this.#imagesBefore = imagesBefore;
  }

  static async open(sayFirst: (text: string) => void): Promise<DemoEngine> {
    const endpoint = await reachableEndpoint();
    if (endpoint !== undefined) {
      const client = new EngineClient(endpoint);
      const engine = { client, stop: nothing, env: process.env, isPrivate: false };
      return new DemoEngine(engine, await imageNames(client));
    }
    if (!canStartPrivateEngine()) {
      throw new Error(
        "No Docker Engine is reachable. Start Docker, or set DOCKER_HOST, and try again. (As root on Linux the demo would start an engine of its own.)",
      );
    }
    sayFirst(
      "No Docker Engine is reachable here, so the demo starts a private one, with a network and a data folder of its own. Debian's docker.io is installed first if it is missing.",
    );
    const engine = await startPrivateEngine();
    const client = new EngineClient({ context: "default", host: engine.host });
    const env = { ...process.env, DOCKER_HOST: engine.host };
    return new DemoEngine(
      { client, stop: () => engine.stop(), env, isPrivate: true },
      await imageNames(client),
    );
  }

  async describe(): Promise<string> {
    const { serverVersion, operatingSystem, architecture } = await engineInfo(this.client);
    return `Docker Engine ${serverVersion}, ${operatingSystem} ${architecture}, at ${this.client.endpoint.host}`;
  }

  /**
   * The image that the CLI's own helpers run, made if it is not there; the demo's containers run it,
   * too.
   */
  async findHelperImage(
    signal: AbortSignal,
  ): Promise<{ readonly reference: string; readonly isNew: boolean }> {
    const { reference } = await helperImage(this.client, {
      named: process.env["DOCKFORM_HELPER_IMAGE"] || undefined,
      host: {
        platform: process.platform,
        machine: machine(),
        path: process.env["PATH"] ?? "",
        temporaryFolder: tmpdir(),
      },
      log: { debug: silent, info: silent, warn: silent },
      startWait: () => silent,
      signal,
    });
    this.#helperImage = reference;
    return { reference, isNew: !this.#imagesBefore.has(reference) };
  }

  /** Runs a command to its end and answers what `read` makes of its output. */
  async run<T>(
    image: string,
    command: VolumeCommand,
    read: (stdout: Readable) => Promise<T>,
  ): Promise<T> {
    const id = await createContainer(
      this.client,
      `${this.prefix}-tool-${randomBytes(2).toString("hex")}`,
      definition(image, command),
    );
    try {
      const connection = await attachContainer(this.client, id);
      await startContainer(this.client, id);
      const { stdout, stderr } = demultiplex(connection);
      // A container that ends early says why itself; writing to it then fails as well.
      const sent = command.stdin === undefined ? undefined : pipeline(command.stdin, connection);
      sent?.catch(silent);
      const [result, messages] = await Promise.all([read(stdout), text(stderr)]);
      const code = await waitContainer(this.client, id);
      if (code !== 0) throw new Error(`a container of the demo failed: ${messages}`);
      return result;
    } finally {
      await removeContainer(this.client, id).catch(silent);
    }
  }

  /** Starts a container that stays, as an application would. */
  async startApplication(image: string, command: VolumeCommand): Promise<string> {
    const name = `${this.prefix}-app`;
    await createContainer(this.client, name, definition(image, command));
    await startContainer(this.client, name);
    return name;
  }

  /** What a command in a running container prints. */
  async runInside(container: string, script: string): Promise<string> {
    const command = ["sh", "-c", script];
    const connection = await execInContainer(this.client, container, { command, stdin: false });
    const { stdout, stderr } = demultiplex(connection);
    const [printed] = await Promise.all([text(stdout), text(stderr)]);
    return printed.trim();
  }

  /** How long a container that runs again was down, by the engine's own clock. */
  async downtimeMs(container: string): Promise<number> {
    const { State } = await inspectContainer(this.client, container);
    if (State.Status !== "running") throw new Error(`${container} is ${State.Status}`);
    return Date.parse(State.StartedAt) - Date.parse(State.FinishedAt);
  }

  /** Removes everything of the demo from the engine; a private engine is stopped. */
  async remove(): Promise<void> {
    try {
      if (!this.isPrivate) await this.#removeOwn();
    } finally {
      this.client.close();
      await this.#engine.stop();
    }
  }

  async #removeOwn(): Promise<void> {
    for (const { id, name } of await listContainers(this.client)) {
      if (name.startsWith(`${this.prefix}-`)) await removeContainer(this.client, id);
    }
    for (const { name } of await listVolumes(this.client)) {
      if (name.startsWith(`${this.prefix}-`)) await removeVolume(this.client, name);
    }
    for (const name of await imageNames(this.client)) {
      // The helper image, and what it was built from.
      const ours = name === this.#helperImage || name.startsWith("alpine:");
      if (ours && !this.#imagesBefore.has(name)) await this.#removeImage(name);
    }
  }

  async #removeImage(name: string): Promise<void> {
    try {
      await this.client.json("DELETE", `/images/${encodeURIComponent(name)}`);
    } catch (error) {
      // Gone already, or by now in use by somebody else.
      const code = error instanceof EngineApiError ? error.statusCode : 0;
      if (code !== 404 && code !== 409) throw error;
    }
  }
}

function definition(image: string, command: VolumeCommand): Readonly<Record<string, unknown>> {
  return {
    Image: image,
    Entrypoint: ["sh", "-c", command.script],
    Cmd: [],
    User: "0:0",
    Env: ["LC_ALL=C"],
    Healthcheck: { Test: ["NONE"] },
    AttachStdin: command.stdin !== undefined,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    StdinOnce: command.stdin !== undefined,
    HostConfig: hostConfig(command),
  };
}

function hostConfig({ volume, readOnly }: VolumeCommand): Readonly<Record<string, unknown>> {
  const mount = { Type: "volume", Source: volume, Target: "/data", ReadOnly: readOnly };
  return { NetworkMode: "none", LogConfig: { Type: "none" }, Mounts: [mount] };
}

const IMAGES = listOf(objectOf({ RepoTags: optional(listOf(aText)) }));

async function imageNames(client: EngineClient): Promise<ReadonlySet<string>> {
  const images = await client.ask("GET", "/images/json", IMAGES);
  return new Set(images.flatMap(({ RepoTags }) => RepoTags ?? []));
}

function silent(): void {
  // Nothing to say.
}

async function nothing(): Promise<void> {
  // Somebody else's engine goes on.
}
