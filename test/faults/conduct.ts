/** Brings one fault about, from the preparation to the verdict. */
import { dropKept, settleSnapshots } from "./settle.ts";
import { rm } from "node:fs/promises";
import { damaged } from "./damage.ts";
import { race } from "./race.ts";
import { isUnrenamable } from "./ground.ts";
import { Findings, judge, judgeSnapshots, lookAround, recover, type Aftermath } from "./judge.ts";
import { describeFault, type Fault, type Ground, type Operation, type Strike } from "./plan.ts";
import { emptied, Scene, type Contents } from "./scene.ts";
import {
  mustSucceed,
  prepare,
  restoreCommand,
  restoreUndisturbed,
  strike,
  type Command,
  type KillableEngine,
} from "./strike.ts";
import { type Verdict, allowed, contentsOf } from "./verdict.ts";

/** Beside the one that is made: an engine that dies takes the containers of each with it. */
const SCENES_KEPT = 1;

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
