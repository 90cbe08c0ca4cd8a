import { rm } from "node:fs/promises";
import { join } from "node:path";
import { makeHalfCompressibleFile } from "../data.ts";
import { SNAPSHOT_LIMIT, snapshotLimitsAtOnce } from "../limits.ts";
import type { Run } from "../measure.ts";
import { ratioRow, type Row } from "../report.ts";
import type { Stage } from "../stage.ts";
import { inRounds, ROUNDS, type Case } from "./case.ts";

const BYTES = 256 * 2 ** 20;
const VOLUMES = [1, 2, 3, 4].map((i) => `bench-several-${i}`);

/** The cores are busy with one snapshot already: what is to be had is the time in which they wait. */
export const severalCase: Case = {
  name: "several",
  run: async (stage: Stage): Promise<readonly Row[]> => {
    const volumes = await Promise.all(VOLUMES.map((name) => stage.volume(name)));
    for (const { folder } of volumes) await makeHalfCompressibleFile(join(folder, "data"), BYTES);
    const limit = snapshotLimitsAtOnce(volumes.map(({ folder }) => folder));
    const rounds = await inRounds(ROUNDS, async () => ({
      limit: await stage.run(limit),
      calls: await oneAfterTheOther(stage),
      dockform: await stage.snapshot(VOLUMES),
    }));
    for (const volume of volumes) {
      await stage.removeVolume(volume);
      await rm(`${volume.folder}.tar.zst`);
    }
    const row = (name: string, against: string, aim: number, side: "limit" | "calls"): Row =>
      ratioRow(
        name,
        against,
        aim,
        rounds.map((round) => ({ reference: round[side], dockform: round.dockform })),
      );
    return [
      row("snapshot, 4 volumes at once", "one call after the other", 1, "calls"),
      row("the same snapshots", `${SNAPSHOT_LIMIT}, 4 at once`, 1.1, "limit"),
    ];
  },
};

async function oneAfterTheOther(stage: Stage): Promise<Run> {
  let seconds = 0;
  let last: Run | undefined;
  for (const volume of VOLUMES) {
    last = await stage.snapshot([volume]);
    seconds += last.seconds;
  }
  if (last === undefined) throw new Error("no volume");
  return { ...last, seconds };
}
