import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { median } from "../measure.ts";
import type { Row } from "../report.ts";
import type { Stage } from "../stage.ts";
import { inRounds, ROUNDS, type Case } from "./case.ts";
import { downtimeOf, UNDER_SERVICE, withService, type Downtime } from "./downtime.ts";

const VOLUME = "bench-top-level";
const COUNTS = [10, 10_000, 200_000];
/** The last one that had `mv` move the entries. */
const COMMIT_BEFORE = "9b0f1d3";
/** What a swap may take of what it took then, where there are most entries. */
const MOST = 1 / 20;

/** How long a service is down for the swap of a volume whose root folder has many entries. */
export const topLevelCase: Case = {
  name: "top-level",
  run: async (stage: Stage): Promise<readonly Row[]> => {
    const before = await stage.earlierBuild(COMMIT_BEFORE);
    const rows: Row[] = [];
    for (const count of COUNTS) {
      const volume = await stage.volume(VOLUME);
      for (let i = 0; i < count; i += 1) writeFileSync(join(volume.folder, `entry-${i}`), "");
      await stage.snapshot([VOLUME]);
      const archive = await stage.archive(VOLUME);
      await stage.restore(VOLUME, archive, "--force", "--keep-previous", ...UNDER_SERVICE);
      rows.push(await withService(stage, VOLUME, () => compare(stage, count, before)));
      await stage.removeVolume(volume);
    }
    return rows;
  },
};

/** The same contents go back and forth, by the one and by the other. */
async function compare(stage: Stage, count: number, before: string | undefined): Promise<Row> {
  const earlier: Downtime[] = [];
  const rounds = await inRounds(ROUNDS, async () => {
    if (before !== undefined) earlier.push(await undo(stage, before));
    return undo(stage);
  });
  const of = (runs: readonly Downtime[], part: (run: Downtime) => number): number =>
    median(runs.map(part));
  const swapMs = of(rounds, ({ swappingMs }) => swappingMs);
  const earlierMs = before === undefined ? undefined : of(earlier, ({ swappingMs }) => swappingMs);
  return {
    case: `swap of ${count.toLocaleString("en")} entries at the top`,
    against: `the build of ${COMMIT_BEFORE}`,
    reference: earlierMs === undefined ? "not at hand" : `${earlierMs} ms`,
    dockform: `${swapMs} ms`,
    figure: `${of(rounds, ({ downtimeMs }) => downtimeMs)} ms down`,
    aim: count < 200_000 ? "no more" : "a twentieth",
    met: earlierMs === undefined || swapMs <= earlierMs * (count < 200_000 ? 1 : MOST),
    rounds: rounds.map(({ run, swappingMs, downtimeMs }, i) => ({
      seconds: run.seconds,
      swapMs: swappingMs,
      downtimeMs,
      ...(earlier[i] === undefined ? {} : { earlierSwapMs: earlier[i].swappingMs }),
    })),
  };
}

async function undo(stage: Stage, build?: string): Promise<Downtime> {
  const args = ["volume", "undo", "--undeclared", "--json", VOLUME, ...UNDER_SERVICE];
  const command =
    build === undefined ? stage.dockform(...args) : ([process.execPath, build, ...args] as const);
  return downtimeOf(await stage.run(command));
}
