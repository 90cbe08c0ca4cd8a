import { join } from "node:path";
import { makeHalfCompressibleFile } from "../data.ts";
import { ratioRow, type Row } from "../report.ts";
import { helperImageOf, type Stage } from "../stage.ts";
import { inRounds, type Case } from "./case.ts";

const VOLUME = "bench-small";
/** Short runs scatter more, and cost little. */
const SMALL_ROUNDS = 7;
const AGAINST = "docker run --rm of one container";

export const smallCase: Case = {
  name: "small",
  run: async (stage: Stage): Promise<readonly Row[]> => {
    const volume = await stage.volume(VOLUME);
    await makeHalfCompressibleFile(join(volume.folder, "data"), 1e6);
    const image = await helperImageOf(stage);
    const container = ["docker", "run", "--rm", "--network", "none", "--entrypoint", "sh"] as const;
    const rounds = await inRounds(SMALL_ROUNDS, async () => {
      const reference = await stage.run([...container, image, "-c", "true"]);
      const snapshot = await stage.snapshot([VOLUME]);
      const restore = await stage.restore(VOLUME, await stage.archive(VOLUME), "--force");
      return {
        snapshot: { reference, dockform: snapshot },
        restore: { reference, dockform: restore },
      };
    });
    await stage.removeVolume(volume);
    return [
      ratioRow(
        "snapshot, 1 MB",
        AGAINST,
        1.5,
        rounds.map((round) => round.snapshot),
      ),
      ratioRow(
        "restore, 1 MB",
        AGAINST,
        1.5,
        rounds.map((round) => round.restore),
      ),
    ];
  },
};
