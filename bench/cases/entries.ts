import { makeEntries } from "../data.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";
import { memoryRow } from "../memory.ts";
import type { Case } from "./case.ts";

const COUNTS = [1000, 1_000_000];

/** Memory against the number of entries; once each, for a peak does not scatter. */
export const entriesCase: Case = {
  name: "entries",
  run: async (stage: Stage): Promise<readonly Row[]> => {
    const snapshots = [];
    const restores = [];
    for (const count of COUNTS) {
      const volume = await stage.volume(`bench-entries-${count}`, stage.memoryFolder);
      makeEntries(volume.folder, count);
      snapshots.push(await stage.snapshot([volume.name]));
      restores.push(await stage.restore(volume.name, await stage.archive(volume.name), "--force"));
      await stage.removeVolume(volume);
    }
    const what = "1,000 to 1,000,000 entries";
    return [memoryRow(`snapshot, ${what}`, snapshots), memoryRow(`restore, ${what}`, restores)];
  },
};
