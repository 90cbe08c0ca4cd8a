import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { EngineClient, isNotFound } from "../../src/engine/client.ts";
import {
  createContainer,
  inspectContainer,
  listContainers,
  removeContainer,
  startContainer,
} from "../../src/engine/containers.ts";
import { anything, listOf, objectOf } from "../../src/engine/shape.ts";
import { createVolume, inspectVolume, removeVolume } from "../../src/engine/volumes.ts";
import { run } from "../oracle/host.ts";
import { ENGINE_POLL_MS, until, type CliProcess } from "./cli-process.ts";

const PROCESSES = objectOf({ Processes: listOf(anything) });

const HELPER_VOLUME_LABEL = "io.dockform.helper.volume";

/** A volume's name and its folder on this machine. */
export interface TestVolume {
  readonly name: string;
  readonly folder: string;
}

/** The volumes and containers of one test in an engine, under names of its own. Disposing removes them. */
export class EngineObjects implements AsyncDisposable {
  readonly host: string;
  readonly engine: EngineClient;
  readonly prefix = `dockform-test-${randomBytes(4).toString("hex")}`;
  readonly #volumes = new Set<string>();
  readonly #containers = new Set<string>();

  constructor(host: string) {
    this.host = host;
    this.engine = new EngineClient({ context: "default", host });
  }

  /** A volume name of this test's own; removed in the end whoever makes it. */
  name(suffix: string): string {
    const name = `${this.prefix}-${suffix}`;
    this.#volumes.add(name);
    return name;
  }

  /** Makes a volume and returns its name and its folder on this machine. */
  async volume(
    suffix: string,
    options: {
      readonly driverOpts?: Readonly<Record<string, string>>;
      readonly labels?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<TestVolume> {
    const name = this.name(suffix);
    const volume = await createVolume(this.engine, {
      name,
      driver: "local",
      driverOpts: options.driverOpts ?? {},
      labels: options.labels ?? {},
    });
    return { name, folder: volume.mountpoint };
  }

  async volumeExists(name: string): Promise<boolean> {
    return (await inspectVolume(this.engine, name)) !== undefined;
  }

  /** Creates a container by the Engine API's definition and returns its id; it is not started. */
  async container(
    suffix: string,
    definition: Readonly<Record<string, unknown>>,
  ): Promise<{ readonly id: string; readonly name: string }> {
    const name = `${this.prefix}-${suffix}`;
    const id = await createContainer(this.engine, name, definition);
    this.#containers.add(id);
    return { id, name };
  }

  /** Creates and starts a container; it runs until it is stopped, which takes no time. */
  async running(
    suffix: string,
    definition: Readonly<Record<string, unknown>>,
  ): Promise<{ readonly id: string; readonly name: string }> {
    const container = await this.container(suffix, definition);
    await startContainer(this.engine, container.id);
    return container;
  }

  async state(containerId: string): Promise<string> {
    return (await inspectContainer(this.engine, containerId)).State.Status;
  }

  /** A file as a container sees it. */
  async readInside(containerId: string, path: string): Promise<string> {
    const answer = await this.engine.stream("GET", `/containers/${containerId}/archive`, {
      query: { path },
    });
    return (await run("tar", ["-xOf", "-"], { input: await buffer(answer) })).toString();
  }

  /** The helper containers that work on volumes of this test. */
  async helpers(): Promise<readonly string[]> {
    const found = await listContainers(this.engine, { filters: { label: [HELPER_VOLUME_LABEL] } });
    return found
      .filter(({ labels }) => this.#volumes.has(labels[HELPER_VOLUME_LABEL] ?? ""))
      .map(({ id }) => id);
  }

  /** Waits until the helpers whose client was killed have ended; their containers may stay. */
  async helpersEnded(): Promise<void> {
    const haveEnded = async (): Promise<boolean> => {
      const states = await Promise.all((await this.helpers()).map((id) => this.state(id)));
      return !states.includes("running");
    };
    await until("the helpers have ended", haveEnded, ENGINE_POLL_MS);
  }

  /** Kills the helpers of a call that is under way, at a moment when it cannot end by itself. */
  async killHelpers(process: CliProcess): Promise<void> {
    const removals: Promise<void>[] = [];
    await process.whileStopped(async () => {
      for (const id of await this.helpers()) {
        // The engine waits for the CLI to read the last of the output: this ends when that goes on.
        removals.push(removeContainer(this.engine, id).catch(() => {}));
        await until("the helper is dead", async () => !(await this.#hasProcesses(id)));
      }
    });
    assert.equal(removals.length, 1, "one helper was at work");
    await Promise.all(removals);
  }

  async #hasProcesses(containerId: string): Promise<boolean> {
    try {
      const top = await this.engine.ask("GET", `/containers/${containerId}/top`, PROCESSES);
      return top.Processes.length > 0;
    } catch {
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A test may be about an engine that nobody reaches.
    const helpers = await this.helpers().catch(() => []);
    const containers = [...this.#containers, ...helpers];
    for (const id of containers) await removeContainer(this.engine, id).catch(() => {});
    for (const name of this.#volumes) {
      // A container that is being removed still holds its volumes for a moment.
      await until(`volume ${name} is removed`, () => this.#removed(name), ENGINE_POLL_MS);
    }
    this.engine.close();
  }

  async #removed(volume: string): Promise<boolean> {
    try {
      await removeVolume(this.engine, volume);
      return true;
    } catch (error) {
      return isNotFound(error);
    }
  }
}
