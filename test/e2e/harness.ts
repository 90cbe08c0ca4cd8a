import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { originFlags } from "./archives.ts";
import type { CliProcess, CliResult } from "./cli-process.ts";
import { EngineObjects } from "./engine-objects.ts";
import { evidenceOf, type Evidence } from "./evidence.ts";
import { flawedProgram } from "./flawed-helper.ts";
import { startProgram, type CliOptions } from "./program.ts";

/** A complete snapshot, as `volume snapshot --json` tells of it. */
export interface Snapshot {
  readonly archive: string;
  readonly sidecarPath: string;
  readonly sidecar: Readonly<Record<string, unknown>>;
  readonly stderr: string;
}

/**
 * One test's place: a folder with a manifest, an engine with objects of its own, and the CLI that works on
 * them. Disposing ends and removes all that was made through it.
 */
export class Sandbox extends EngineObjects {
  readonly folder: string;
  /** The CLI's TMPDIR: empty when it has cleaned up. */
  readonly temporaryFolder: string;
  readonly #processes = new Set<CliProcess>();

  private constructor(folder: string, host: string) {
    super(host);
    this.folder = folder;
    this.temporaryFolder = join(folder, "tmp");
  }

  static async create(host: string): Promise<Sandbox> {
    const sandbox = new Sandbox(await mkdtemp(join(tmpdir(), "dockform-e2e-")), host);
    await mkdir(sandbox.temporaryFolder);
    return sandbox;
  }

  /** A path in this test's folder. */
  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
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

  /** Starts the CLI in this folder, against this engine, without a terminal. */
  start(args: readonly string[], options: CliOptions = {}): CliProcess {
    const started = startProgram(args, options, this);
    this.#processes.add(started);
    return started;
  }

  /** Runs the CLI to its end. */
  async dockform(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
    return this.start(args, options).ended;
  }

  /** Takes a snapshot that must succeed. */
  async snapshot(
    volume: string,
    args: readonly string[] = [],
    options: CliOptions = {},
  ): Promise<Snapshot> {
    const result = await this.dockform(["volume", "snapshot", volume, "--json", ...args], options);
    if (result.code !== 0) throw new Error(`snapshot of ${volume} failed: ${result.stderr}`);
    const printed: {
      snapshots: {
        archive: string;
        sidecar_path: string;
        sidecar: Readonly<Record<string, unknown>>;
      }[];
    } = JSON.parse(result.stdout);
    const [snapshot] = printed.snapshots;
    if (snapshot === undefined) throw new Error(`no snapshot in ${result.stdout}`);
    const { archive, sidecar_path: sidecarPath, sidecar } = snapshot;
    return { archive, sidecarPath, sidecar, stderr: result.stderr };
  }

  /** Makes a restore that must succeed, of whichever volume's snapshot. */
  async restore(
    volume: string,
    archive: string,
    args: readonly string[] = [],
    options: CliOptions = {},
  ): Promise<CliResult> {
    const origin = await originFlags(volume, archive);
    const result = await this.dockform(
      ["volume", "restore", volume, archive, ...origin, ...args],
      options,
    );
    if (result.code !== 0) throw new Error(`restore of ${archive} failed: ${result.stderr}`);
    return result;
  }

  evidence(folder: string, containerIds: readonly string[] = []): Promise<Evidence> {
    return evidenceOf(this.engine, folder, containerIds);
  }

  /** A copy of the program with a flaw in its helper (flawed-helper.ts); returns its main file. */
  flawed(flaw: string): Promise<string> {
    return flawedProgram(this.path("flawed"), flaw);
  }

  /** The definition of a container that mounts a volume and waits. */
  async waiting(
    volume: string,
    more: {
      readonly hostConfig?: Readonly<Record<string, unknown>>;
      readonly [field: string]: unknown;
    } = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    const { hostConfig, ...fields } = more;
    return {
      Image: await this.#image(),
      Entrypoint: ["sh", "-c"],
      Cmd: ["read line"],
      OpenStdin: true,
      StopSignal: "SIGKILL",
      // Starts in half of the time.
      NetworkDisabled: true,
      HostConfig: {
        NetworkMode: "none",
        Mounts: [{ Type: "volume", Source: volume, Target: "/data" }],
        ...hostConfig,
      },
      ...fields,
    };
  }

  /** Helper containers, and what the CLI left in its TMPDIR. */
  async leftBehind(): Promise<readonly string[]> {
    return [...(await this.helpers()), ...(await readdir(this.temporaryFolder))];
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes) {
      child.signal("SIGKILL");
      await child.ended.catch(() => {});
    }
    await super[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** An image with a shell: the product's own helper image, which a first snapshot makes. */
  async #image(): Promise<string> {
    const known = helperImages.get(this.host) ?? this.#findImage();
    helperImages.set(this.host, known);
    return known;
  }

  async #findImage(): Promise<string> {
    const { name } = await this.volume("image");
    const { stderr } = await this.snapshot(name, ["-v", "-o", this.path("image")]);
    const reference = /helper image: (\S+)/.exec(stderr)?.[1];
    if (reference === undefined) throw new Error(`no helper image in: ${stderr}`);
    return reference;
  }
}

/** By engine. */
const helperImages = new Map<string, Promise<string>>();
