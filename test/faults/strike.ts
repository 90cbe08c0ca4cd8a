/** Runs a command and lets something happen to it at a moment. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { removeContainer } from "../../src/engine/containers.ts";
import type { CliProcess, CliResult } from "../e2e/cli-process.ts";
import { originFlags } from "../e2e/archives.ts";
import { FileSystem } from "../e2e/file-system.ts";
import type { CliOptions } from "../e2e/program.ts";
import { needProgram, run } from "../oracle/host.ts";
import { CuttableConnection } from "./cuttable.ts";
import type { Blow, Moment, Operation, Phase } from "./plan.ts";
import { isUnrenamable, type SceneEngine } from "./ground.ts";
import { leaveRoom, MIXED_PATHS, otherThan, type Contents, type Scene } from "./scene.ts";

/** A command that takes longer hangs, whatever happened to it. */
const COMMAND_LIMIT_MS = 100_000;
/** What a disk that gets full has left for a snapshot at most. */
const SNAPSHOT_ROOM_BYTES = 3_400_000;
const SNAPSHOT_DISK_BYTES = 32 << 20;
const FILLER = "filler";
const FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/** An engine that can be killed. */
export interface KillableEngine extends SceneEngine {
  /** dockerd alone. */
  crash(): Promise<void>;
  /** Everything that runs in it. */
  cutPower(): Promise<void>;
  start(): Promise<void>;
}

/** A command that was under fault, and is over. */
export interface Struck {
  readonly result: CliResult;
  /** Whether it happened while the command ran. */
  readonly delivered: boolean;
  readonly hung: boolean;
  /** What the volume held before; what it holds when the command succeeds. */
  readonly before: Contents;
  readonly after: Contents;
}

export interface Command {
  readonly args: readonly string[];
  readonly options: CliOptions;
  readonly before: Contents;
  readonly after: Contents;
}

const RESTORE_FLAGS = [
  "--undeclared",
  "--force",
  "--stop-containers",
  "--health-timeout",
  "0",
  "-v",
];
const IGNORES_HEALTH = ["--health-timeout", "0", "-v"];

export async function restoreCommand(
  scene: Scene,
  contents: Contents,
  flags: readonly string[] = [],
): Promise<readonly string[]> {
  return restoreFrom(scene, await scene.archive(contents), flags);
}

/** A sidecar beside the archive names another volume; without one nothing does. */
export async function restoreFrom(
  scene: Scene,
  archive: string,
  flags: readonly string[] = [],
): Promise<readonly string[]> {
  const needsIt = scene.ground === "cramped" || isUnrenamable(scene.ground);
  const inPlace = needsIt ? ["--in-place"] : [];
  const origin = await originFlags(scene.volume.name, archive);
  const words = ["volume", "restore", scene.volume.name, archive, ...origin];
  return [...words, ...RESTORE_FLAGS, ...inPlace, ...flags];
}

export function recoverCommand(scene: Scene): readonly string[] {
  return ["volume", "recover", scene.volume.name, ...IGNORES_HEALTH];
}

export function undoCommand(scene: Scene): readonly string[] {
  const flags = ["--undeclared", "--stop-containers", ...IGNORES_HEALTH];
  return ["volume", "undo", scene.volume.name, ...flags];
}

/** Brings the volume to where the operation has something to do, and says how it is called. */
export async function prepare(
  scene: Scene,
  operation: Operation,
  before: Contents,
): Promise<Command> {
  const after = otherThan(before);
  const [verb = "", ...flags] = operation.replace("--in-place", "").trim().split(" ");
  switch (verb) {
    case "recover":
      await leaveInterrupted(scene, after, "swap", 15);
      return { args: recoverCommand(scene), options: {}, before, after };
    case "undo": {
      const kept = await restoreCommand(scene, after, ["--keep-previous", "--discard-kept"]);
      mustSucceed(await scene.sandbox.dockform(kept));
      return { args: undoCommand(scene), options: {}, before: after, after: before };
    }
    case "snapshot": {
      const args = ["volume", "snapshot", scene.volume.name, "-v"];
      return { args, options: {}, before, after: before };
    }
    default:
      if (operation === "restore --path") return preparePaths(scene, before);
      // An earlier fault may have left something that is kept.
      if (flags.includes("--keep-previous")) flags.push("--discard-kept");
      return { args: await restoreCommand(scene, after, flags), options: {}, before, after };
  }
}

/** Some of what `a` holds is to come into `b`. */
async function preparePaths(scene: Scene, holds: Contents): Promise<Command> {
  await restoreUndisturbed(scene, holds, "b");
  const flags = MIXED_PATHS.flatMap((path) => ["--path", path.replaceAll("\\", "\\\\")]);
  return {
    args: await restoreCommand(scene, "a", flags),
    options: {},
    before: "b",
    after: "mixed",
  };
}

/** Brings a volume from one of the contents to another; nothing is to happen meanwhile. */
export async function restoreUndisturbed(
  scene: Scene,
  holds: Contents,
  wanted: Contents,
): Promise<void> {
  if (holds === wanted) return;
  mustSucceed(await scene.sandbox.dockform(await restoreCommand(scene, wanted)));
}

/** A restore whose client and helper both die a while after a phase has begun. */
export async function leaveInterrupted(
  scene: Scene,
  contents: Contents,
  phase: Phase,
  delayMs: number,
): Promise<void> {
  const restore = scene.sandbox.start(await restoreCommand(scene, contents));
  await arrived(restore, { phase, delayMs }, 0);
  restore.signal("SIGKILL");
  await killHelpers(scene, "kill");
  await restore.ended;
}

/** Runs the command with the blow at its moment. */
export async function strike(
  scene: Scene,
  command: Command,
  what: { readonly blow: Blow; readonly moment: Moment; readonly usualMs: number },
  engine: KillableEngine,
): Promise<Struck> {
  await using weapon = await Weapon.ready(scene, what.blow, what.moment, engine);
  const options = { ...command.options, ...weapon.options };
  const child = scene.sandbox.start(command.args, options);
  const inTime = await arrived(child, what.moment, what.usualMs);
  const delivered = await weapon.strike(child, inTime);
  const hung = !(await endsInTime(child));
  return {
    result: await child.ended,
    delivered,
    hung,
    before: command.before,
    after: command.after,
  };
}

/** Waits for a moment; `false` when the command has ended before. */
async function arrived(child: CliProcess, moment: Moment, usualMs: number): Promise<boolean> {
  const over = child.ended.then(
    () => false,
    () => false,
  );
  if ("fraction" in moment) return Promise.race([over, sleep(moment.fraction * usualMs, true)]);
  const begun = child.said(`phase: ${moment.phase}`).then(
    () => true,
    () => false,
  );
  if (!(await begun)) return false;
  return Promise.race([over, sleep(moment.delayMs, true)]);
}

async function endsInTime(child: CliProcess): Promise<boolean> {
  const limit = new AbortController();
  const tooLate = sleep(COMMAND_LIMIT_MS, false, { signal: limit.signal }).catch(() => true);
  const inTime = await Promise.race([child.ended.then(() => true), tooLate]);
  limit.abort();
  if (!inTime) child.signal("SIGKILL");
  return inTime;
}

export function mustSucceed({ code, stderr }: CliResult): void {
  if (code !== 0) throw new Error(`a command that nothing disturbed ended with ${code}: ${stderr}`);
}

/** Kills or removes the helpers that run; returns how many there were. */
export async function killHelpers(scene: Scene, how: "kill" | "remove"): Promise<number> {
  const running = (await scene.workers()).filter(({ state }) => state === "running");
  const { engine } = scene.sandbox;
  const done = await Promise.allSettled(
    running.map(({ id }) =>
      how === "kill" ? engine.json("POST", `/containers/${id}/kill`) : removeContainer(engine, id),
    ),
  );
  return done.filter(({ status }) => status === "fulfilled").length;
}

/** Returns whether the blow has hit anything. */
type Act = (child: CliProcess) => Promise<boolean>;

/** What makes a blow possible, and then strikes it. Disposing takes away what it has put in the way. */
class Weapon implements AsyncDisposable {
  readonly options: CliOptions;
  readonly #act: Act;
  readonly #stack: AsyncDisposableStack;

  private constructor(options: CliOptions, act: Act, stack: AsyncDisposableStack) {
    this.options = options;
    this.#act = act;
    this.#stack = stack;
  }

  static async ready(
    scene: Scene,
    blow: Blow,
    moment: Moment,
    engine: KillableEngine,
  ): Promise<Weapon> {
    await using stack = new AsyncDisposableStack();
    const ready = (act: Act, options: CliOptions = {}): Weapon =>
      new Weapon(options, act, stack.move());
    switch (blow) {
      case "kill the client":
      case "interrupt": {
        const signal = blow === "interrupt" ? "SIGINT" : "SIGKILL";
        return ready(async (child) => signalled(child, signal));
      }
      case "kill the helper":
        return ready(async () => (await killHelpers(scene, "kill")) > 0);
      case "remove the helper":
        return ready(async () => (await killHelpers(scene, "remove")) > 0);
      case "kill the engine":
        return ready(async (child) => {
          await engine.crash();
          await endsInTime(child);
          await engine.start();
          return true;
        });
      case "cut the power":
        // What was there before is on the disk.
        await run("sync", ["-f", scene.volume.folder]);
        return ready(async (child) => {
          // The client is on the same machine.
          child.signal("SIGKILL");
          await engine.cutPower();
          try {
            await scene.losePower();
          } finally {
            await engine.start();
          }
          return true;
        });
      case "cut the connection":
      case "cut the connection for good": {
        const path = scene.sandbox.path("cuttable.sock");
        const connection = await CuttableConnection.open(
          path,
          scene.sandbox.host.replace("unix://", ""),
        );
        stack.use(connection);
        const act = async (): Promise<boolean> => {
          connection.cut(blow === "cut the connection for good");
          return true;
        };
        return ready(act, { env: { DOCKER_HOST: connection.host } });
      }
      case "fill the volume": {
        const { disk } = scene;
        if (disk === undefined) throw new Error("this volume cannot be filled");
        stack.defer(() => empty(disk));
        return ready(async () => {
          await leaveRoom(disk, FILLER, 0);
          return true;
        });
      }
      case "fill the snapshot folder": {
        const fileSystem = stack.use(await FileSystem.create({ bytes: SNAPSHOT_DISK_BYTES }));
        const cwd = join(fileSystem.folder, "place");
        await mkdir(cwd);
        const part = "fraction" in moment ? moment.fraction : moment.delayMs / 60;
        await leaveRoom(fileSystem, FILLER, Math.round(part * SNAPSHOT_ROOM_BYTES));
        return ready(async () => true, { cwd });
      }
      case "turn the clock back":
        return ready(
          async () => {
            await writeFile(scene.sandbox.path("clock"), "-90000s");
            return true;
          },
          await fakeClock(scene),
        );
    }
  }

  /** Strikes, unless it is too late; returns whether it was in time. */
  async strike(child: CliProcess, inTime: boolean): Promise<boolean> {
    return inTime && this.#act(child);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

async function signalled(child: CliProcess, signal: NodeJS.Signals): Promise<boolean> {
  child.signal(signal);
  return true;
}

async function empty(fileSystem: FileSystem): Promise<void> {
  await rm(join(fileSystem.folder, FILLER), { force: true });
}

/** A clock of the client's own, right as long as nobody writes into its file. */
async function fakeClock(scene: Scene): Promise<CliOptions> {
  await needProgram("/usr/bin/faketime", "faketime");
  const file = scene.sandbox.path("clock");
  await writeFile(file, "+0s");
  return {
    env: {
      LD_PRELOAD: FAKETIME,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      // Real clocks that are put back are the wall clock alone.
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
  };
}
