import { join } from "node:path";
import { createContainer, removeContainer, startContainer } from "../../src/engine/containers.ts";
import { makeHalfCompressibleFile } from "../data.ts";
import { median, type Run } from "../measure.ts";
import { memoryRow } from "../memory.ts";
import type { Row } from "../report.ts";
import { helperImageOf, type Stage } from "../stage.ts";
import { inRounds, ROUNDS, type Case } from "./case.ts";

const VOLUME = "bench-downtime";
const SIZES = [
  { name: "1 MB", files: 1, fileBytes: 1e6 },
  { name: "1 GB", files: 1, fileBytes: 1e9 },
  { name: "5 GB", files: 5, fileBytes: 1e9 },
];

export interface Downtime {
  readonly run: Run;
  readonly stoppingMs: number;
  readonly swappingMs: number;
  readonly startingMs: number;
  readonly downtimeMs: number;
}

/** What scatters from run to run. */
const FLAT_MS = 100;

/** How long a service is down for a restore, and what memory data of that size takes. */
export const downtimeCase: Case = {
  name: "downtime",
  run: async (stage: Stage): Promise<readonly Row[]> => {
    const snapshots: Run[] = [];
    const restores: Run[] = [];
    const downtimes: Row[] = [];
    let smallestSwapMs: number | undefined;
    for (const { name, files, fileBytes } of SIZES) {
      const volume = await stage.volume(VOLUME);
      for (let i = 0; i < files; i += 1) {
        await makeHalfCompressibleFile(join(volume.folder, `data-${i}`), fileBytes);
      }
      snapshots.push(await stage.snapshot([VOLUME]));
      const rounds = await withService(stage, VOLUME, () =>
        inRounds(ROUNDS, (round) => (round === 0 ? restore(stage) : undo(stage))),
      );
      restores.push(...rounds.map(({ run }) => run).slice(0, 1));
      smallestSwapMs ??= median(rounds.map((round) => round.swappingMs));
      downtimes.push(downtimeRow(name, rounds, smallestSwapMs));
      await stage.removeVolume(volume);
    }
    const what = "1 MB to 5 GB";
    return [
      ...downtimes,
      memoryRow(`snapshot, ${what}`, snapshots),
      memoryRow(`restore, ${what}`, restores),
    ];
  },
};

/** A service that stops at once: what it takes itself is not this program's. */
export async function withService<Result>(
  stage: Stage,
  volume: string,
  run: () => Promise<Result>,
): Promise<Result> {
  const id = await createContainer(stage.engine, "bench-service", {
    Image: await helperImageOf(stage),
    Entrypoint: ["sh", "-c", "read line"],
    OpenStdin: true,
    StopSignal: "SIGKILL",
    HostConfig: {
      NetworkMode: "none",
      Mounts: [{ Type: "volume", Source: volume, Target: "/data" }],
    },
  });
  await startContainer(stage.engine, id);
  try {
    return await run();
  } finally {
    await removeContainer(stage.engine, id);
  }
}

/** How long health is watched afterwards is a setting, and no downtime. */
export const UNDER_SERVICE = ["--stop-containers", "--health-timeout", "0"];

async function restore(stage: Stage): Promise<Downtime> {
  const archive = await stage.archive(VOLUME);
  return downtimeOf(
    await stage.restore(
      VOLUME,
      archive,
      "--force",
      "--keep-previous",
      "--discard-kept",
      ...UNDER_SERVICE,
    ),
  );
}

/** The swap of a restore, without the extraction before it: the way back and forth of what was kept. */
async function undo(stage: Stage): Promise<Downtime> {
  return downtimeOf(await stage.undo(VOLUME, ...UNDER_SERVICE));
}

export function downtimeOf(run: Run): Downtime {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- our own program's answer
  const { containers } = JSON.parse(run.stdout) as {
    readonly containers: readonly {
      readonly stopping_ms: number;
      readonly swapping_ms: number;
      readonly starting_ms: number;
      readonly downtime_ms: number;
    }[];
  };
  const [service] = containers;
  if (service === undefined) throw new Error("no container was stopped");
  return {
    run,
    stoppingMs: service.stopping_ms,
    swappingMs: service.swapping_ms,
    startingMs: service.starting_ms,
    downtimeMs: service.downtime_ms,
  };
}

function downtimeRow(size: string, rounds: readonly Downtime[], smallestSwapMs: number): Row {
  const of = (part: (round: Downtime) => number): number => median(rounds.map(part));
  const stopAndStartMs = of((round) => round.stoppingMs + round.startingMs);
  const swappingMs = of((round) => round.swappingMs);
  return {
    case: `downtime of a restore, ${size}`,
    against: "stopping and starting the container",
    reference: `${stopAndStartMs} ms`,
    dockform: `${of((round) => round.downtimeMs)} ms`,
    figure: `${swappingMs} ms swap`,
    aim: "as at 1 MB",
    met: swappingMs - smallestSwapMs <= FLAT_MS,
    rounds: rounds.map(({ run, stoppingMs, swappingMs: swapMs, startingMs, downtimeMs }) => ({
      seconds: run.seconds,
      stoppingMs,
      swapMs,
      startingMs,
      downtimeMs,
    })),
  };
}
