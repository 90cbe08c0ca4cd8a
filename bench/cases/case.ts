import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";

/** Measured alternately with the other side, at least so often. */
export const ROUNDS = 3;

/** A part of the benchmark that can be run by itself. */
export interface Case {
  readonly name: string;
  readonly run: (stage: Stage) => Promise<readonly Row[]>;
}

export async function inRounds<Result>(
  rounds: number,
  run: (round: number) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let round = 0; round < rounds; round += 1) results.push(await run(round));
  return results;
}
