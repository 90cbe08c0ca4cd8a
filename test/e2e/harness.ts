import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { EngineClient } from "../../src/engine/client.ts";
import { createContainer, removeContainer } from "../../src/engine/containers.ts";
import { createVolume, inspectVolume, removeVolume } from "../../src/engine/volumes.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;

/** How a call of the CLI ended. */
export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Called when the process runs, for tests that interrupt it. */
  readonly started?: (pid: number) => void;
}

/**
 * One test's place: a folder, an engine, and names of its own. Disposing removes every volume and
 * container that was made through it.
 */
export class Sandbox implements AsyncDisposable {
  readonly folder: string;
  readonly host: string;
  readonly engine: EngineClient;
  readonly prefix: string;
  readonly #volumes = new Set<string>();
  readonly #containers = new Set<string>();

  private constructor(folder: string, host: string) {
    this.folder = folder;
    this.host = host;
    this.engine = new EngineClient({ context: "default", host });
    this.prefix = `dockform-test-${randomBytes(4).toString("hex")}`;
  }

  static async create(host: string): Promise<Sandbox> {
    return new Sandbox(await mkdtemp(join(tmpdir(), "dockform-e2e-")), host);
  }

  /** A volume name of this test's own; removed in the end whoever makes it. */
  name(suffix: string): string {
    const name = `${this.prefix}-${suffix}`;
    this.#volumes.add(name);
    return name;
  }

  /** Makes a volume and answers its name and its folder on this machine. */
  async volume(
    suffix: string,
    options: { readonly driverOpts?: Readonly<Record<string, string>> } = {},
  ): Promise<{ readonly name: string; readonly folder: string }> {
    const name = this.name(suffix);
    const volume = await createVolume(this.engine, {
      name,
      driver: "local",
      driverOpts: options.driverOpts ?? {},
      labels: {},
    });
    return { name, folder: volume.mountpoint };
  }

  async volumeExists(name: string): Promise<boolean> {
    return (await inspectVolume(this.engine, name)) !== undefined;
  }

  /** Creates a container by the Engine API's definition and answers its id; it is not started. */
  async container(
    suffix: string,
    definition: Readonly<Record<string, unknown>>,
  ): Promise<{ readonly id: string; readonly name: string }> {
    const name = `${this.prefix}-${suffix}`;
    const id = await createContainer(this.engine, name, definition);
    this.#containers.add(id);
    return { id, name };
  }

  /** Writes a manifest into the folder; JSON is YAML. */
  async manifest(content: unknown): Promise<void> {
    const yaml = typeof content === "string" ? content : JSON.stringify(content);
    await writeFile(join(this.folder, "dockform.yml"), yaml);
  }

  /** Declares volumes in a manifest of the single-context form. */
  async declare(...volumes: readonly string[]): Promise<void> {
    await this.manifest({
      identifier: this.prefix,
      volumes: Object.fromEntries(volumes.map((volume) => [volume, {}])),
    });
  }

  /** Runs the CLI from source, in this folder, against this engine, without a terminal. */
  async dockform(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
    const child = spawn(process.execPath, [MAIN, ...args], {
      cwd: options.cwd ?? this.folder,
      env: {
        PATH: process.env["PATH"],
        HOME: this.folder,
        TMPDIR: tmpdir(),
        DOCKER_HOST: this.host,
        ...options.env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    if (child.pid !== undefined) options.started?.(child.pid);
    const ended = new Promise<number | null>((resolve, reject) => {
      child.once("close", resolve);
      child.once("error", reject);
    });
    const [stdout, stderr, code] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      ended,
    ]);
    return { code, stdout, stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const id of this.#containers) await removeContainer(this.engine, id).catch(() => {});
    for (const name of this.#volumes) await removeVolume(this.engine, name).catch(() => {});
    this.engine.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
