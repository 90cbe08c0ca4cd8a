import { dropKept, settleSnapshots } from "./settle.ts";
import { setTimeout as sleep } from "node:timers/promises";
import type { CliResult } from "../e2e/cli-process.ts";
import type { Findings } from "./judge.ts";
import { judge, lookAround, recover } from "./judge.ts";
import { type Race } from "./plan.ts";
import type { Scene } from "./scene.ts";
import { otherThan, type Contents } from "./scene.ts";
import {
  killHelpers,
  leaveInterrupted,
  mustSucceed,
  recoverCommand,
  restoreCommand,
  undoCommand,
} from "./strike.ts";
import { BOTH, type Verdict, contentsOf } from "./verdict.ts";

/** Two clients at once; whatever each of them says, the volume is one or the other. */
export async function race(
  scene: Scene,
  fault: Race,
  findings: Findings,
): Promise<Verdict["outcome"]> {
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
