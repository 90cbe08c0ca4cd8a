/** What is put right between two faults. */
import { mkdir, rm } from "node:fs/promises";
import { judgeSnapshots, type Findings } from "./judge.ts";
import type { Contents, Scene } from "./scene.ts";

/** Snapshots that a command under fault has finished are as good as any. */
export async function settleSnapshots(
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
export async function dropKept(scene: Scene, findings: Findings): Promise<void> {
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
