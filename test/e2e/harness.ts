import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { EngineClient, isNotFound } from "../../src/engine/client.ts";
import {
  createContainer,
  inspectContainer,
  listContainers,
  removeContainer,
  startContainer,
} from "../../src/engine/containers.ts";
import { createVolume, inspectVolume, removeVolume } from "../../src/engine/volumes.ts";
import { joinedScript } from "../../src/helper/script/join.ts";
import { originFlags } from "./archives.ts";
import { CliProcess, until, type CliResult } from "./cli-process.ts";
import { assertDocumented } from "./documents.ts";
import { run } from "../oracle/host.ts";
import { describeTree, differences, type TreeEntry } from "../oracle/tree.ts";

export { CliProcess, until, type CliResult } from "./cli-process.ts";

const SOURCES = new URL("../../src", import.meta.url).pathname;
const HELPER_VOLUME_LABEL = "io.dockform.helper.volume";
const DIFFERENCES_SHOWN = 20;

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The program's main file, where it is not the one under test as it is. */
  readonly main?: string;
  /** A program with arguments that runs the CLI, e.g. in namespaces of its own. */
  readonly under?: readonly string[];
}

/** For {@link Sandbox.flawed}: a helper that finds beforehand nothing that it could not rename in a swap. */
export const UNSUSPECTING = `renaming() { [ "$1" = probe ] || perl -e "$rename_program" "$@"; }`;

/** For {@link Sandbox.flawed}: a helper that does something to what it has extracted before that counts. */
export function beforeFlush(command: string): string {
  return `sync() {
	if [ "$*" = "-f $staging" ]; then
		${command}
	fi
	command sync "$@"
}`;
}

/** The CLI has a TMPDIR that no engine sees, a mount in a namespace of its own: data goes by exec. */
export const UNSEEN_TMPDIR: CliOptions = {
  under: ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs "$TMPDIR" && exec "$0" "$@"'],
};

/** The program under test: the sources, or the bundle that a whole run makes of them. */
export function mainFile(): string {
  return (
    process.env["DOCKFORM_TEST_MAIN"] ?? new URL("../../src/main.ts", import.meta.url).pathname
  );
}

/** A complete snapshot, as `volume snapshot --json` tells of it. */
export interface Snapshot {
  readonly archive: string;
  readonly sidecarPath: string;
  readonly sidecar: Readonly<Record<string, unknown>>;
  readonly stderr: string;
}

/** What a command that fails before its first side effect leaves as it was. */
export interface Evidence {
  readonly tree: readonly TreeEntry[];
  readonly containers: readonly unknown[];
}

/** A volume's name and its folder on this machine. */
export interface TestVolume {
  readonly name: string;
  readonly folder: string;
}

/**
 * One test's place: a folder, an engine, and names of its own. Disposing removes every volume and
 * container that was made through it.
 */
export class Sandbox implements AsyncDisposable {
  readonly folder: string;
  /** The CLI's TMPDIR: empty when it has cleaned up. */
  readonly temporaryFolder: string;
  readonly host: string;
  readonly engine: EngineClient;
  readonly prefix: string;
  readonly #volumes = new Set<string>();
  readonly #containers = new Set<string>();
  readonly #processes = new Set<CliProcess>();

  private constructor(folder: string, host: string) {
    this.folder = folder;
    this.temporaryFolder = join(folder, "tmp");
    this.host = host;
    this.engine = new EngineClient({ context: "default", host });
    this.prefix = `dockform-test-${randomBytes(4).toString("hex")}`;
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

  /** A volume name of this test's own; removed in the end whoever makes it. */
  name(suffix: string): string {
    const name = `${this.prefix}-${suffix}`;
    this.#volumes.add(name);
    return name;
  }

  /** Makes a volume and answers its name and its folder on this machine. */
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

  /** Creates and starts a container; it runs until it is stopped, which takes no time. */
  async running(
    suffix: string,
    definition: Readonly<Record<string, unknown>>,
  ): Promise<{ readonly id: string; readonly name: string }> {
    const container = await this.container(suffix, definition);
    await startContainer(this.engine, container.id);
    return container;
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
    const [program = process.execPath, ...programArgs] = [
      ...(options.under ?? []),
      process.execPath,
      options.main ?? mainFile(),
      ...args,
    ];
    const child = spawn(program, programArgs, {
      cwd: options.cwd ?? this.folder,
      env: {
        PATH: process.env["PATH"],
        HOME: this.folder,
        TMPDIR: this.temporaryFolder,
        DOCKER_HOST: this.host,
        ...options.env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    // What stands between may print as well, or not let anything through.
    const isDirect = options.under === undefined;
    const started = new CliProcess(child, (stdout) => {
      if (isDirect) assertDocumented(args, stdout);
    });
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

  async evidence(folder: string, containerIds: readonly string[] = []): Promise<Evidence> {
    const containers = await Promise.all(
      containerIds.map(async (id) => {
        const { State } = await inspectContainer(this.engine, id);
        return { id, status: State.Status, startedAt: State.StartedAt };
      }),
    );
    return { tree: await describeTree(folder), containers };
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
    await until("the helpers have ended", async () => {
      const states = await Promise.all((await this.helpers()).map((id) => this.state(id)));
      return !states.includes("running");
    });
  }

  /**
   * A copy of the program whose helper does something wrong; returns its main file.
   *
   * @param flaw what the script takes in place of its own: variables, and functions by the names of its own ones or of
   * tools, where `command tar` is the real one.
   */
  async flawed(flaw: string): Promise<string> {
    const folder = this.path("flawed");
    await cp(SOURCES, join(folder, "src"), { recursive: true });
    for (const beside of ["node_modules", "package.json"]) {
      await symlink(join(SOURCES, "..", beside), join(folder, beside));
    }
    const script = joinedScript();
    for (const [, name = ""] of flaw.matchAll(/^(\w+)(?:\(\) |=)/gm)) {
      assert.match(script, new RegExp(`\\b${name}\\b`), `the helper has no ${name}`);
    }
    const last = join(folder, "src/helper/script/verbs.sh");
    await writeFile(last, `${flaw}\n${await readFile(last, "utf8")}`);
    return join(folder, "src/main.ts");
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
      const top = await this.engine.json<{ readonly Processes: readonly unknown[] }>(
        "GET",
        `/containers/${containerId}/top`,
      );
      return top.Processes.length > 0;
    } catch {
      return false;
    }
  }

  /** Helper containers, and what the CLI left in its TMPDIR. */
  async leftBehind(): Promise<readonly string[]> {
    return [...(await this.helpers()), ...(await readdir(this.temporaryFolder))];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes) {
      child.signal("SIGKILL");
      await child.ended.catch(() => {});
    }
    // A test may be about an engine that nobody reaches.
    const helpers = await this.helpers().catch(() => []);
    const containers = [...this.#containers, ...helpers];
    for (const id of containers) await removeContainer(this.engine, id).catch(() => {});
    for (const name of this.#volumes) {
      // A container that is being removed still holds its volumes for a moment.
      await until(`volume ${name} is removed`, () => this.#removed(name));
    }
    this.engine.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #removed(volume: string): Promise<boolean> {
    try {
      await removeVolume(this.engine, volume);
      return true;
    } catch (error) {
      return isNotFound(error);
    }
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

/** Asserts that nothing is different, and says what is. */
export function assertUntouched(before: Evidence, after: Evidence): void {
  assert.deepEqual(differences(before.tree, after.tree).slice(0, DIFFERENCES_SHOWN), []);
  assert.deepEqual(after.containers, before.containers);
}

/** By engine. */
const helperImages = new Map<string, Promise<string>>();
