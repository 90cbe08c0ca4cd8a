/** Brings one fault about, from the preparation to the verdict. */
import { mkdir, open, readFile, rm, stat, truncate } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { CliResult } from "../e2e/cli-process.ts";
import { isUnrenamable } from "./ground.ts";
import { Findings, judge, judgeSnapshots, lookAround, recover, type Aftermath } from "./judge.ts";
import {
  describeFault,
  type Damage,
  type Fault,
  type Ground,
  type Operation,
  type Place,
  type Race,
  type Strike,
} from "./plan.ts";
import { emptied, otherThan, Scene, type Contents } from "./scene.ts";
import {
  killHelpers,
  leaveInterrupted,
  mustSucceed,
  prepare,
  recoverCommand,
  restoreCommand,
  restoreFrom,
  restoreUndisturbed,
  strike,
  undoCommand,
  type Command,
  type KillableEngine,
} from "./strike.ts";

/** Beside the one that is made: an engine that dies takes the containers of each with it. */
const SCENES_KEPT = 1;

const BOTH: readonly Contents[] = ["a", "b"];

/**
 * What became of one fault. `missed`: the command was over before it could happen; `unstartable`: all is well
 * but for a container that the engine cannot start for anybody, as the command has said.
 */
export interface Verdict {
  readonly outcome: "old" | "new" | "missed" | "unstartable" | "lost";
  readonly problems: readonly string[];
  readonly transcript: readonly string[];
}

/** Faults one after the other on one engine; what one leaves is the next one's beginning. */
export class Conductor implements AsyncDisposable {
  readonly #engine: KillableEngine;
  readonly #scenes = new Map<Ground, Scene>();
  readonly #usualMs = new Map<string, number>();

  constructor(engine: KillableEngine) {
    this.#engine = engine;
  }

  async conduct(fault: Fault): Promise<Verdict> {
    const { ground } = fault;
    const findings = new Findings();
    findings.note(describeFault(fault));
    let outcome: Verdict["outcome"] = "lost";
    try {
      const scene = await this.#scene(ground);
      outcome = await this.#conduct(scene, fault, findings);
    } catch (error) {
      findings.problem(`the suite itself failed: ${String(error)}`);
    }
    if (killsEngine(fault)) await this.#putOthersRight(ground);
    // What is in place now can be renamed.
    if (isUnrenamable(ground)) await this.#giveUp(ground);
    const { problems, unstartable, transcript } = findings;
    if (problems.length === 0 && unstartable.length === 0) return { outcome, problems, transcript };
    await this.#giveUp(ground);
    return { outcome: problems.length === 0 ? "unstartable" : "lost", problems, transcript };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const ground of this.#scenes.keys()) await this.#giveUp(ground);
  }

  async #conduct(scene: Scene, fault: Fault, findings: Findings): Promise<Verdict["outcome"]> {
    switch (fault.kind) {
      case "strike":
        return this.#strike(scene, fault, findings);
      case "damage":
        return damaged(scene, fault, findings);
      case "race":
        return race(scene, fault, findings);
    }
  }

  async #strike(scene: Scene, fault: Strike, findings: Findings): Promise<Verdict["outcome"]> {
    // Only what is timed by a part of its time has to be measured.
    const usualMs =
      "fraction" in fault.moment ? await this.#usual(scene, fault.operation, findings) : 0;
    const command = await prepare(scene, fault.operation, await contentsOf(scene));
    const struck = await strike(scene, command, { ...fault, usualMs }, this.#engine);
    findings.heard(command.args.join(" "), struck.result);
    if (struck.hung) findings.problem("the command does not come to an end");
    if (struck.result.code === 2) findings.problem("the command does not know what it was told");
    const aftermath = await lookAround(scene, findings);
    const { before, after } = command;
    if (fault.operation === "snapshot") await settleSnapshots(scene, [before], findings);
    const restored = await next(scene, fault, command, findings);
    await recover(scene, findings);
    // A safety snapshot; without it there would have been nothing to recover from. That of the next
    // restore is of what the first one has left.
    await settleSnapshots(scene, fault.next === "restore" ? [before, after] : [before], findings);
    const mayHold =
      restored === undefined ? allowed(fault, struck.result, before, after) : [restored];
    const keepsSomething = ["restore --keep-previous", "undo"].includes(fault.operation);
    const holds = await judge(
      scene,
      restored === undefined ? aftermath : nobodyRan(aftermath),
      {
        mayHold,
        keeps: keepsSomething ? "any" : undefined,
        engineDied: killsEngine(fault),
      },
      findings,
    );
    if (findings.unstartable.length > 0) {
      await this.#restartMachine(scene, findings);
      return "unstartable";
    }
    await scene.putUsersRight();
    if (keepsSomething) await dropKept(scene, findings);
    // All others begin with one of the two.
    if (holds === "mixed") await restoreUndisturbed(scene, holds, before);
    await emptied(scene.sandbox.temporaryFolder);
    if (!struck.delivered) return "missed";
    return holds === before ? "old" : "new";
  }

  /** What the command advises where the engine can start a container for nobody. */
  async #restartMachine(scene: Scene, findings: Findings): Promise<void> {
    await this.#engine.cutPower();
    await this.#engine.start();
    for (const name of findings.unstartable) {
      const failure = await scene.startByHand(name);
      if (failure !== "") findings.problem(`${name} does not start after a restart: ${failure}`);
    }
  }

  /** What the operation takes when nothing happens to it, found out once. */
  async #usual(scene: Scene, operation: Operation, findings: Findings): Promise<number> {
    const known = this.#usualMs.get(operation);
    if (known !== undefined) return known;
    const { args, options, before, after } = await prepare(
      scene,
      operation,
      await contentsOf(scene),
    );
    const startedMs = performance.now();
    const result = await scene.sandbox.dockform(args, options);
    const tookMs = performance.now() - startedMs;
    mustSucceed(result);
    await settleSnapshots(scene, [before], findings);
    await dropKept(scene, findings);
    const holds = await contentsOf(scene);
    if (operation !== "recover" && holds !== after) {
      throw new Error(`${operation} of ${after} on ${before} gave ${holds}`);
    }
    if (holds === "mixed") await restoreUndisturbed(scene, holds, before);
    this.#usualMs.set(operation, tookMs);
    return tookMs;
  }

  async #scene(ground: Ground): Promise<Scene> {
    const known = this.#scenes.get(ground);
    if (known !== undefined) return known;
    for (const other of [...this.#scenes.keys()].slice(0, -SCENES_KEPT)) await this.#giveUp(other);
    const scene = await Scene.create(this.#engine, ground);
    this.#scenes.set(ground, scene);
    return scene;
  }

  /** An engine that dies takes the containers of every scene with it. */
  async #putOthersRight(struck: Ground): Promise<void> {
    for (const [ground, scene] of this.#scenes) {
      if (ground === struck) continue;
      if (ground === "memory") await this.#giveUp(ground);
      else await scene.putUsersRight().catch(() => this.#giveUp(ground));
    }
  }

  /** After a loss nothing can be built on what is there. */
  async #giveUp(ground: Ground): Promise<void> {
    const scene = this.#scenes.get(ground);
    this.#scenes.delete(ground);
    await scene?.[Symbol.asyncDispose]().catch(() => {});
  }
}

function killsEngine(fault: Fault): boolean {
  return fault.kind === "strike" && ["kill the engine", "cut the power"].includes(fault.blow);
}

/** Nobody has to be taken into account who ran before somebody else replaced the contents. */
function nobodyRan(aftermath: Aftermath): Aftermath {
  return { ...aftermath, users: [] };
}

async function contentsOf(scene: Scene): Promise<Contents> {
  const { holds, reserved, differences } = await scene.inventory();
  if (holds === undefined || reserved.length > 0) {
    throw new Error(`not a good beginning: ${[...reserved, ...differences].join("; ")}`);
  }
  return holds;
}

/** A command that says it succeeded, or refused, must be right about it. A recovery may go either way. */
function allowed(
  { operation }: Strike,
  { code }: CliResult,
  before: Contents,
  after: Contents,
): readonly Contents[] {
  if (operation === "recover") return BOTH;
  if (code === 0) return [after];
  return code === 3 || code === 4 ? [before] : [before, after];
}

/** What the stranger does before recovering; returns what must be in the volume when it worked. */
async function next(
  scene: Scene,
  fault: Strike,
  { before, after }: Command,
  findings: Findings,
): Promise<Contents | undefined> {
  if (fault.next === "recover") return undefined;
  const { sandbox } = scene;
  const out = sandbox.path("next");
  const args =
    fault.next === "restore"
      ? await restoreCommand(scene, before)
      : ["volume", "snapshot", scene.volume.name, "-o", out, "-v"];
  const result = await sandbox.dockform(args);
  findings.heard(args.join(" "), result);
  if (result.code !== 0 && result.code !== 3) {
    findings.problem(`the next ${fault.next} ended with ${result.code}`);
  }
  if (result.code === 3 && !result.stderr.includes("volume recover")) {
    findings.problem(`the next ${fault.next} was refused without a word of \`volume recover\``);
  }
  if (fault.next === "snapshot") {
    await judgeSnapshots(scene, out, [before, after], findings);
    await rm(out, { recursive: true, force: true });
    return undefined;
  }
  return result.code === 0 ? before : undefined;
}

/** Snapshots that a command under fault has finished are as good as any. */
async function settleSnapshots(
  scene: Scene,
  mayHold: readonly Contents[],
  findings: Findings,
): Promise<void> {
  const folder = scene.sandbox.path(".dockform");
  await mkdir(folder, { recursive: true });
  await judgeSnapshots(scene, folder, mayHold, findings);
  await rm(folder, { recursive: true });
}

/** Kept contents are given up, so that the next fault finds none. */
async function dropKept(scene: Scene, findings: Findings): Promise<void> {
  const { reserved } = await scene.inventory();
  if (reserved.length === 0) return;
  const flags = ["--discard", "--undeclared", "--skip-confirmation"];
  const args = ["volume", "undo", scene.volume.name, ...flags];
  const result = await scene.sandbox.dockform(args);
  findings.heard(args.join(" "), result);
  const { reserved: left } = await scene.inventory();
  if (result.code !== 0 || left.length > 0) {
    findings.problem(`kept contents are not given up: ${result.code} ${left.join(", ")}`);
  }
}

/** A damaged snapshot is refused, or restored to the last bit: nothing in between. */
async function damaged(
  scene: Scene,
  fault: Damage,
  findings: Findings,
): Promise<Verdict["outcome"]> {
  const before = await contentsOf(scene);
  const after = otherThan(before);
  const usersBefore = await scene.users();
  const pair = await scene.copyOfArchive(after, fault.format);
  if (!fault.vouchedFor) await rm(pair.sidecar);
  const doDamage = (): Promise<void> =>
    inflict(fault.file === "archive" ? pair.archive : pair.sidecar, fault);
  const args = await restoreFrom(scene, pair.archive);
  if (fault.when === "before") await doDamage();
  const child = scene.sandbox.start(args);
  let delivered = true;
  if (fault.when === "after the check") {
    delivered = await child.said("phase: extract").then(
      () => true,
      () => false,
    );
    await doDamage();
  }
  const result = await child.ended;
  findings.heard(args.join(" "), result);
  await Promise.all([rm(pair.archive), rm(pair.sidecar, { force: true })]);
  const aftermath = await lookAround(scene, findings);
  const expected = {
    mayHold: result.code === 0 ? [after] : [before],
    keeps: undefined,
    engineDied: false,
  };
  const holds = await judge(scene, aftermath, expected, findings);
  if (
    fault.file === "archive" &&
    fault.vouchedFor &&
    fault.when === "before" &&
    result.code !== 4
  ) {
    findings.problem(`a sidecar's checksum was wrong, and the command ended with ${result.code}`);
  }
  if (result.code === 4 || result.code === 3) {
    const moved = (await scene.users()).some((user, i) => {
      return user.startedAt !== usersBefore[i]?.startedAt;
    });
    if (moved) findings.problem("refused, and yet a container was stopped");
  }
  if (!delivered) return "missed";
  return holds === before ? "old" : "new";
}

async function inflict(file: string, fault: Damage): Promise<void> {
  const { size } = await stat(file);
  const offset = await offsetOf(file, size, fault);
  if (fault.how === "truncate") return truncate(file, offset);
  const handle = await open(file, "r+");
  try {
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, offset);
    byte.writeUInt8(byte.readUInt8() ^ (1 << fault.bit));
    await handle.write(byte, 0, 1, offset);
  } finally {
    await handle.close();
  }
}

/** The byte that a place and a part of it stand for. */
async function offsetOf(file: string, size: number, fault: Damage): Promise<number> {
  const [start, length] = await rangeOf(file, size, fault);
  const last = size - 1;
  return Math.max(0, Math.min(last, start + Math.floor(length * fault.fraction)));
}

/** Named places that do not depend on what is in the file. */
function fixedRanges(
  size: number,
): Partial<Record<Place, readonly [start: number, length: number]>> {
  const middle: readonly [number, number] = [Math.floor(size / 2) - 500, 1000];
  return {
    anywhere: [0, size],
    magic: [0, 4],
    "frame header": [4, 10],
    "first block": [14, 1000],
    middle,
    data: middle,
    "last block": [size - 1000, 990],
    "frame end": [size - 10, 6],
    "checksum trailer": [size - 4, 4],
    "first name": [0, 100],
    "size field": [124, 12],
    "header checksum": [148, 8],
    "last entry": [size - 10_240 - 1024, 1024],
    "end mark": [size - 1024, 1024],
    "opening brace": [0, 1],
    "closing brace": [size - 3, 3],
  };
}

async function rangeOf(
  file: string,
  size: number,
  { place }: Damage,
): Promise<readonly [start: number, length: number]> {
  const fixed = fixedRanges(size)[place];
  if (fixed !== undefined) return fixed;
  const text = await readFile(file, "latin1");
  const at = text.indexOf(`"${place}"`);
  if (at < 0) throw new Error(`the sidecar has no ${place}`);
  // The name and what follows it, which is at least the beginning of its value.
  return [at, place.length + 12];
}

/** Two clients at once; whatever each of them says, the volume is one or the other. */
async function race(scene: Scene, fault: Race, findings: Findings): Promise<Verdict["outcome"]> {
  const before = await contentsOf(scene);
  const [first, second] = await contestants(scene, fault, before);
  const { sandbox } = scene;
  const one = sandbox.start(first);
  let results: readonly CliResult[];
  if (fault.between === "recover and a client whose helper died") {
    const arrived = await one.said(`phase: ${fault.cutAt}`).then(
      () => true,
      () => false,
    );
    if (!arrived) return "missed";
    let other: CliResult | undefined;
    await one.whileStopped(async () => {
      await killHelpers(scene, "kill");
      other = await sandbox.dockform(second);
    });
    results = [await one.ended, ...(other === undefined ? [] : [other])];
  } else {
    await sleep(fault.gapMs);
    const other = sandbox.start(second);
    results = await Promise.all([one.ended, other.ended]);
  }
  for (const [i, result] of results.entries()) {
    findings.heard((i === 0 ? first : second).join(" "), result);
    if (result.code === null) findings.problem("a command died");
  }
  const aftermath = await lookAround(scene, findings);
  if (fault.between === "restore and snapshot") await settleSnapshots(scene, BOTH, findings);
  await recover(scene, findings);
  const expected = { mayHold: BOTH, keeps: "any" as const, engineDied: false };
  const holds = await judge(scene, aftermath, expected, findings);
  await dropKept(scene, findings);
  return holds === before ? "old" : "new";
}

async function contestants(
  scene: Scene,
  fault: Race,
  before: Contents,
): Promise<readonly [readonly string[], readonly string[]]> {
  const after = otherThan(before);
  const restore = await restoreCommand(scene, after);
  const recovery = recoverCommand(scene);
  switch (fault.between) {
    case "restore and restore":
      return [restore, await restoreCommand(scene, before)];
    case "restore and snapshot":
      return [restore, ["volume", "snapshot", scene.volume.name]];
    case "recover and a client whose helper died":
      return [restore, recovery];
    case "recover and recover":
      await leaveInterrupted(scene, after, fault.cutAt, 10);
      return [recovery, recovery];
    case "recover and restore":
      await leaveInterrupted(scene, after, fault.cutAt, 10);
      return [recovery, restore];
    case "undo and undo":
    case "undo and restore": {
      const kept = await restoreCommand(scene, after, ["--keep-previous", "--discard-kept"]);
      mustSucceed(await scene.sandbox.dockform(kept));
      const undo = undoCommand(scene);
      return [undo, fault.between === "undo and undo" ? undo : restore];
    }
  }
}
