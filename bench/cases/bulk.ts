import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeFiles, makeHalfCompressibleFile, makeIncompressibleFile } from "../data.ts";
import {
  limitArchive,
  RESTORE_LIMIT,
  RESTORE_LIMIT_FLUSHED,
  restoreLimit,
  SNAPSHOT_LIMIT,
  snapshotLimit,
} from "../limits.ts";
import { measure, type Run } from "../measure.ts";
import { ratioRow, type Pair, type Row } from "../report.ts";
import type { Stage } from "../stage.ts";
import { inRounds, ROUNDS, type Case } from "./case.ts";
import { execRound } from "./exec.ts";

const GIB = 2 ** 30;
const FILES = 100_000;
const VOLUME = "bench-source";

interface DataSet {
  readonly name: string;
  readonly what: string;
  readonly fill: (folder: string) => Promise<void> | void;
  /** Whether to compare the way through the engine on this data, too. */
  readonly byExec: boolean;
}

/** Snapshot and restore of much data, against what the machine does without containers. */
export const bulkCases: readonly Case[] = [
  {
    name: "half",
    what: "1 GiB file, compresses by half",
    fill: (folder: string) => makeHalfCompressibleFile(join(folder, "data"), GIB),
    byExec: true,
  },
  {
    name: "many",
    what: "100,000 files, 2 GiB",
    fill: (folder: string) => makeFiles(folder, FILES, (2 * GIB) / FILES),
    byExec: false,
  },
  {
    name: "random",
    what: "1 GiB, does not compress",
    fill: (folder: string) => makeIncompressibleFile(join(folder, "data"), GIB),
    byExec: false,
  },
].map((data) => ({ name: data.name, run: (stage) => run(stage, data) }));

async function run(stage: Stage, { what, fill, byExec }: DataSet): Promise<readonly Row[]> {
  const source = await stage.volume(VOLUME);
  await fill(source.folder);
  const limitFile = limitArchive(stage.folder);
  const rounds = await inRounds(ROUNDS, async () => {
    const snapshot: Pair = {
      reference: await stage.run(snapshotLimit(source.folder, limitFile)),
      dockform: await stage.snapshot([VOLUME]),
    };
    const limit = await limitRestore(stage, limitFile);
    const dockform = await restoreIntoEmpty(stage, await stage.archive(VOLUME));
    const restore: Pair = { reference: limit.inMemory, dockform };
    const flushed: Pair = { reference: limit.onDisk, dockform };
    return {
      snapshot,
      restore,
      flushed,
      exec: byExec ? await execRound(stage, VOLUME) : undefined,
    };
  });
  await stage.removeVolume(source);
  await rm(limitFile);
  const execs = rounds.flatMap(({ exec }) => exec ?? []);
  return [
    ratioRow(
      `snapshot, ${what}`,
      SNAPSHOT_LIMIT,
      1.1,
      rounds.map((round) => round.snapshot),
    ),
    ratioRow(
      `restore, ${what}`,
      RESTORE_LIMIT,
      1.15,
      rounds.map((round) => round.restore),
    ),
    ratioRow(
      "the same restore",
      RESTORE_LIMIT_FLUSHED,
      1.15,
      rounds.map((round) => round.flushed),
    ),
    ...(byExec
      ? [ratioRow("the snapshot by exec streams", "docker run into a file", 1, execs)]
      : []),
  ];
}

/** How long the limit takes until the data is in memory, and until it is on the disk. */
async function limitRestore(
  stage: Stage,
  file: string,
): Promise<{ readonly inMemory: Run; readonly onDisk: Run }> {
  const into = join(stage.folder, "into");
  await mkdir(into);
  const inMemory = await stage.run(restoreLimit(file, into));
  const flush = await measure(["sync", "-f", into]);
  await rm(into, { recursive: true });
  return { inMemory, onDisk: { ...inMemory, seconds: inMemory.seconds + flush.seconds } };
}

async function restoreIntoEmpty(stage: Stage, archive: string): Promise<Run> {
  const into = await stage.volume("bench-into");
  const measured = await stage.restore(into.name, archive, "--from-volume", VOLUME);
  await stage.removeVolume(into);
  return measured;
}
