/** The helper's script run by this machine, where an engine would run it in a container: the volume is a folder here. */
import assert from "node:assert/strict";
import { spawn, type ChildProcessWithoutNullStreams as Child } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { withSignal } from "../../src/abort.ts";
import type { FakeContainer } from "./container.ts";
import type { FindProgram } from "./engine.ts";
import type { ProgramIo } from "./process.ts";

export interface LocalPlace {
  /** The folder that is the volume. */
  readonly volume: string;
  /** Where each helper gets a scratch folder. */
  readonly folder: string;
}

type Environment = Readonly<Record<string, string>>;

/** What a test may do to the processes, beside letting them run. */
export interface LocalOptions {
  /** Added to the environment of all of a helper's processes; asked for once a helper. */
  readonly environment?: () => Environment;
  /** Called before a helper reads a verb. */
  readonly onLine?: (line: string, environment: Environment) => void;
  /** A helper was killed, and not by the engine. Neither the engine nor a client knows it yet. */
  readonly onKilled?: () => void;
}

const KILLED = 137;
const PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

interface Running {
  readonly pid: number;
  readonly environment: Environment;
}

/** The programs of a fake engine whose helpers run here. */
export class LocalHelpers implements AsyncDisposable {
  readonly #place: LocalPlace;
  readonly #options: LocalOptions;
  /** First processes, by their container's id. */
  readonly #running = new Map<string, Running>();
  readonly #ended = new Set<Promise<unknown>>();

  constructor(place: LocalPlace, options: LocalOptions = {}) {
    this.#place = place;
    this.#options = options;
  }

  /** For the fake engine: helpers run here, and all other containers as they would. */
  readonly find: FindProgram = ([shell, , script], container) =>
    shell === "sh" && script?.includes("DOCKFORM_MARK") === true
      ? (io) => this.#run(io, container)
      : undefined;

  /** Kills what runs, and waits until all of it has ended. */
  async end(): Promise<void> {
    for (const { pid } of this.#running.values()) killGroup(pid);
    await Promise.all(this.#ended);
  }

  /** Waits until what runs has ended by itself. */
  async ended(limitMs: number): Promise<void> {
    await withSignal(Promise.all(this.#ended), AbortSignal.timeout(limitMs));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
  }

  async #run(io: ProgramIo, { id }: FakeContainer): Promise<number> {
    const first = this.#running.get(id);
    const environment = first?.environment ?? (await this.#newEnvironment(id));
    const [shell = "", option = "", script = "", ...words] = io.command;
    const child = spawn(shell, [option, here(script), ...words], {
      // A group of its own, which ends as a whole.
      detached: true,
      stdio: "pipe",
      // Whoever kills the process of one verb can kill the helper's first process as well.
      env: { ...environment, ...io.env, FIRST_GROUP: first === undefined ? "" : `-${first.pid}` },
    });
    const { pid } = child;
    assert.ok(pid !== undefined, "the shell does not start");
    if (first === undefined) this.#running.set(id, { pid, environment });
    const ended = this.#untilEnded(child, pid, io, environment);
    this.#ended.add(ended);
    try {
      return await ended;
    } finally {
      this.#ended.delete(ended);
      if (first === undefined) this.#running.delete(id);
    }
  }

  async #newEnvironment(id: string): Promise<Environment> {
    const scratch = join(this.#place.folder, `scratch-${id.slice(0, 8)}`);
    await mkdir(scratch, { recursive: true });
    const own = { PATH, VOLUME: this.#place.volume, SCRATCH: scratch };
    return { ...own, ...this.#options.environment?.() };
  }

  async #untilEnded(child: Child, pid: number, io: ProgramIo, env: Environment): Promise<number> {
    io.killed.addEventListener("abort", () => killGroup(pid));
    child.stdout.on("data", (bytes: Buffer) => io.write("stdout", bytes));
    child.stderr.on("data", (bytes: Buffer) => io.write("stderr", bytes));
    if (hello === undefined) keepHello(child, io);
    child.stdin.on("error", () => {});
    const isFirst = io.command.at(-1) === "serve";
    io.stdin.on("data", (bytes: Buffer) => {
      const line = isFirst ? String(bytes).trim() : "";
      if (line === "hello" && sayHello(io)) return;
      if (line !== "") this.#options.onLine?.(line, env);
      child.stdin.write(bytes);
    });
    io.stdin.on("end", () => child.stdin.end());
    const closed = once(child, "close");
    const [code] = await once(child, "exit");
    // What a container's first process has started ends with it.
    killGroup(pid);
    await closed;
    if (code !== null) return Number(code);
    if (!io.killed.aborted) this.#options.onKilled?.();
    return KILLED;
  }
}

/**
 * What the first helper said of this machine's tools, the mark left out. It takes a helper longer than all else that a
 * small volume asks of it, and each would say the same.
 */
let hello: string | undefined;

function keepHello(child: Child, io: ProgramIo): void {
  const mark = markOf(io);
  let said = "";
  const collect = (bytes: Buffer): void => {
    said += String(bytes);
    if (!said.includes(`${mark} end `)) return;
    child.stderr.off("data", collect);
    hello = said.replaceAll(mark, "");
  };
  child.stderr.on("data", collect);
}

/** @returns whether it is known what to say. */
function sayHello(io: ProgramIo): boolean {
  if (hello === undefined) return false;
  io.write("stderr", hello.replaceAll(/^(?=.)/gm, markOf(io)));
  return true;
}

function markOf({ env }: ProgramIo): string {
  return env["DOCKFORM_MARK"] ?? "";
}

/** The script with its folders where the environment says. */
function here(script: string): string {
  const local = script
    .replace(/^volume=.*$/m, "volume=$VOLUME")
    .replace(/^scratch=.*$/m, "scratch=$SCRATCH")
    .replace(/^exchange=.*$/m, "exchange=$SCRATCH/exchange");
  assert.notEqual(local, script, "the script's folders are where they were");
  return local;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}
