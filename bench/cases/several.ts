import { join } from "node:path";
import { makeHalfCompressibleFile } from "../data.ts";
import type { Run } from "../measure.ts";
import { ratioRow, type Row } from "../report.ts";
import type { Stage } from "../stage.ts";
import { inRounds, ROUNDS, type Case } from "./case.ts";

const BYTES = 256 * 2 ** 20;
const VOLUMES = [1, 2, 3, 4].map((i) => `bench-several-${i}`);

export const severalCase: Case = {
  name: "several",
  run: async (stage: Stage): Promise<readonly Row[]> => {
    const volumes = [];
    for (const name of VOLUMES) {
      const volume = await stage.volume(name);
      await makeHalfCompressibleFile(join(volume.folder, "data"), BYTES);
      volumes.push(volume);
    }
    const pairs = await inRounds(ROUNDS, async () => ({
      reference: await oneAfterTheOther(stage),
      dockform: await stage.snapshot(VOLUMES),
    }));
    for (const volume of volumes) await stage.removeVolume(volume);
    return [ratioRow("snapshot, 4 volumes at once", "one after the other", 1, pairs)];
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
