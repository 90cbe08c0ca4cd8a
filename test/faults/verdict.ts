import type { CliResult } from "../e2e/cli-process.ts";
import { type Strike } from "./plan.ts";
import type { Scene } from "./scene.ts";
import { type Contents } from "./scene.ts";

export const BOTH: readonly Contents[] = ["a", "b"];

/**
 * What became of one fault. `missed`: the command was over before it could happen; `unstartable`: all is well
 * but for a container that the engine cannot start for anybody, as the command has said.
 */
export interface Verdict {
  readonly outcome: "old" | "new" | "missed" | "unstartable" | "lost";
  readonly problems: readonly string[];
  readonly transcript: readonly string[];
}

export async function contentsOf(scene: Scene): Promise<Contents> {
  const { holds, reserved, differences } = await scene.inventory();
  if (holds === undefined || reserved.length > 0) {
    throw new Error(`not a good beginning: ${[...reserved, ...differences].join("; ")}`);
  }
  return holds;
}

/** A command that says it succeeded, or refused, must be right about it. A recovery may go either way. */
export function allowed(
  { operation }: Strike,
  { code }: CliResult,
  before: Contents,
  after: Contents,
): readonly Contents[] {
  if (operation === "recover") return BOTH;
  if (code === 0) return [after];
  return code === 3 || code === 4 ? [before] : [before, after];
}
