import { needProgram } from "../oracle/host.ts";
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { Socket } from "node:net";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { UnpackedEngine } from "./engine-release.ts";

const START_TIMEOUT_MS = 60_000;
const CRASH_TIMEOUT_MS = 30_000;
/** The supervisor also removes the data, which on a slow disk takes a while. */
const STOP_TIMEOUT_MS = 180_000;
const POLL_INTERVAL_MS = 50;
const LOG_TAIL_LINES = 15;

/** Without root there are no cgroups to place, and no network to set up. */
const ROOTLESS = {
  "cgroup-parent": "",
  "exec-opts": [],
  "ip-forward": false,
  bridge: "none",
};

type Supervisor = ChildProcessByStdio<Writable, Readable, null>;

/** Whether this process may start a private engine. */
export function canStartPrivateEngine(): boolean {
  return process.platform === "linux" && process.getuid?.() === 0;
}

export interface PrivateEngineOptions {
  /** Fields of daemon.json besides those that keep it apart; its `hosts` are added. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  /** The account that runs it as a rootless engine, which /etc/subuid and /etc/subgid give ids to. */
  readonly rootlessAs?: string;
  /** Another engine than the machine's. */
  readonly unpacked?: UnpackedEngine;
}

/**
 * Starts an engine that shares nothing with the machine's own: see supervise.sh. It ends with `stop()`, or when this
 * process ends in any way. Debian's Docker Engine is installed where it is missing.
 */
export async function startPrivateEngine(
  ownOptions: PrivateEngineOptions = {},
): Promise<PrivateEngine> {
  const ofRun = optionsOfRun();
  const options = { ...ofRun, ...ownOptions };
  const { rootlessAs, unpacked } = options;
  const configuration = { ...ofRun.configuration, ...ownOptions.configuration };
  await runInstaller();
  if (rootlessAs !== undefined && unpacked === undefined) {
    await needProgram("/usr/bin/rootlesskit", "rootlesskit");
    await needProgram("/usr/bin/newuidmap", "uidmap");
  }
  // A socket's path is limited to 107 characters: $TMPDIR may be too long for that.
  const folder = await mkdtemp("/var/tmp/dockform-engine-");
  // Who root of its containers is then must get through to their files.
  if ("userns-remap" in configuration || rootlessAs !== undefined) await chmod(folder, 0o711);
  const rootless = rootlessAs === undefined ? {} : ROOTLESS;
  const whole = { ...configuration, ...rootless };
  const engine = await PrivateEngine.launch(folder, { ...options, configuration: whole });
  try {
    await engine.start();
  } catch (error) {
    await engine.stop();
    throw error;
  }
  return engine;
}

/** A Docker Engine of this process's own, under a supervisor that outlives this process briefly. */
export class PrivateEngine implements AsyncDisposable {
  readonly folder: string;
  readonly socketPath: string;
  /** As in DOCKER_HOST. */
  readonly host: string;
  /** Volumes are in `volumes/<name>/_data` below it. */
  readonly dataRoot: string;
  /** What is mounted below it the engine sees as well. */
  readonly temporaryFolder: string;
  readonly #supervisor: Supervisor;
  /** The exit codes that dockerd ended with and nobody has asked for yet. */
  readonly #exitCodes: string[] = [];

  private constructor(folder: string, supervisor: Supervisor) {
    this.folder = folder;
    this.socketPath = join(folder, "docker.sock");
    this.host = `unix://${this.socketPath}`;
    this.dataRoot = join(folder, "data");
    this.temporaryFolder = join(folder, "tmp");
    this.#supervisor = supervisor;
    createInterface(supervisor.stdout).on("line", (line) => {
      this.#exitCodes.push(line.replace("exited ", ""));
    });
  }

  /** Starts the supervisor, not yet dockerd. @internal */
  static async launch(
    folder: string,
    { configuration = {}, rootlessAs = "", unpacked }: PrivateEngineOptions = {},
  ): Promise<PrivateEngine> {
    const { folder: packages = "", engine: program = "docker" } = unpacked ?? {};
    // A session of its own: Ctrl-C in a terminal must reach the tests, not the engine under them.
    const supervisor = spawn(
      "sh",
      [join(import.meta.dirname, "supervise.sh"), folder, rootlessAs, packages, program],
      {
        stdio: ["pipe", "pipe", "ignore"],
        detached: true,
      },
    );
    // An engine alone is no reason for this process to go on. Writing to a supervisor that is gone
    // is found out by what is waited for next.
    supervisor.unref();
    for (const pipe of [supervisor.stdin, supervisor.stdout]) {
      if (pipe instanceof Socket) pipe.unref();
    }
    supervisor.stdin.on("error", () => undefined);
    const engine = new PrivateEngine(folder, supervisor);
    const { hosts = [], ...fields } = configuration;
    const all = { ...engine.#configuration(), ...fields, hosts: [engine.host, hosts].flat() };
    await writeFile(join(folder, "daemon.json"), JSON.stringify(all));
    return engine;
  }

  /** Starts dockerd on the data that is there and waits until it answers. */
  async start(): Promise<void> {
    this.#exitCodes.length = 0;
    this.#command("start");
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await answersPing(this.socketPath))) {
      const exitCode = this.#exitCodes.shift();
      if (exitCode !== undefined) throw await this.#failure(`dockerd ended with ${exitCode}`);
      if (this.#hasEnded()) throw await this.#failure("its supervisor ended");
      if (Date.now() > deadline) {
        throw await this.#failure(`no answer within ${START_TIMEOUT_MS / 1000} s`);
      }
      await sleep(POLL_INTERVAL_MS);
    }
  }

  /** Kills dockerd with SIGKILL. containerd and containers run on until the next `start()`. */
  crash(): Promise<void> {
    return this.#end("crash");
  }

  /**
   * Ends everything that runs in the engine at once, with its mounts and what it had in memory, as a
   * machine does whose power is cut.
   */
  cutPower(): Promise<void> {
    return this.#end("cut");
  }

  async #end(command: "crash" | "cut"): Promise<void> {
    this.#command(command);
    const deadline = Date.now() + CRASH_TIMEOUT_MS;
    while (this.#exitCodes.shift() === undefined) {
      if (Date.now() > deadline) throw await this.#failure("dockerd does not die");
      await sleep(POLL_INTERVAL_MS);
    }
  }

  /** The process id of dockerd outside its namespaces; `undefined` while none runs. */
  pid(): Promise<number | undefined> {
    return findDescendant(this.#supervisor.pid ?? 0, "dockerd");
  }

  /** Ends the engine with everything in it and removes its folder. May be called again. */
  async stop(): Promise<void> {
    if (!this.#hasEnded()) {
      // Now it is what this process goes on for.
      this.#supervisor.ref();
      const ended = once(this.#supervisor, "exit");
      const tooLong = setTimeout(() => this.#killAll(), STOP_TIMEOUT_MS);
      this.#supervisor.stdin.end("stop\n");
      await ended;
      clearTimeout(tooLong);
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #configuration(): Record<string, unknown> {
    return {
      "data-root": this.dataRoot,
      "exec-root": join(this.folder, "exec"),
      pidfile: join(this.folder, "docker.pid"),
      // supervise.sh removes this cgroup, which the systemd driver could not place here.
      "cgroup-parent": `/${basename(this.folder)}`,
      "exec-opts": ["native.cgroupdriver=cgroupfs"],
      // There is nothing to route to: one thing less that a kernel may lack.
      iptables: false,
      "ip-masq": false,
    };
  }

  #command(command: "start" | "crash" | "cut"): void {
    this.#supervisor.stdin.write(`${command}\n`);
  }

  #hasEnded(): boolean {
    return this.#supervisor.exitCode !== null || this.#supervisor.signalCode !== null;
  }

  /** The supervisor leads a process group; process 1 of the engine dies with `unshare` in it. */
  #killAll(): void {
    if (this.#supervisor.pid !== undefined) process.kill(-this.#supervisor.pid, "SIGKILL");
  }

  async #failure(what: string): Promise<Error> {
    const log = await readFile(join(this.folder, "dockerd.log"), "utf8").catch(() => "");
    const tail = log.trimEnd().split("\n").slice(-LOG_TAIL_LINES).join("\n");
    return new Error(`the private engine failed: ${what}. The end of its log:\n${tail}`);
  }
}

/** What `npm run test:engines` runs on. */
function optionsOfRun(): PrivateEngineOptions {
  const text = process.env["DOCKFORM_TEST_PRIVATE_ENGINE"] ?? "{}";
  // Our own writing.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(text) as PrivateEngineOptions;
}

async function runInstaller(): Promise<void> {
  const installer = spawn("sh", [join(import.meta.dirname, "install.sh")], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [exitCode]: unknown[] = await once(installer, "exit");
  if (exitCode !== 0) throw new Error("no Docker Engine could be installed: see above");
}

async function answersPing(socketPath: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const call = request({ socketPath, path: "/_ping", agent: false, timeout: 5000 }, (answer) => {
    answer.resume();
    resolve(answer.statusCode === 200);
  });
  call.on("timeout", () => call.destroy());
  call.on("error", () => resolve(false));
  call.end();
  return promise;
}

async function findDescendant(pid: number, name: string): Promise<number | undefined> {
  const parents = new Map<number, number>();
  const candidates: number[] = [];
  for (const entry of await readdir("/proc")) {
    const status = await readFile(`/proc/${entry}/stat`, "utf8").catch(() => "");
    const [, id, command, parent] = /^(\d+) \((.*)\) \S (\d+) /s.exec(status) ?? [];
    parents.set(Number(id), Number(parent));
    if (command === name) candidates.push(Number(id));
  }
  return candidates.find((candidate) => {
    let ancestor: number | undefined = candidate;
    while (ancestor !== undefined && ancestor !== pid) ancestor = parents.get(ancestor);
    return ancestor === pid;
  });
}
