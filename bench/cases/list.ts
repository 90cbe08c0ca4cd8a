import { link, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { snapshotBaseName } from "../../src/snapshot/name.ts";
import { withinRow, type Row } from "../report.ts";
import type { Stage } from "../stage.ts";
import { inRounds, type Case } from "./case.ts";

const VOLUME = "bench-list";
const SNAPSHOTS = 10_000;
const LISTINGS = 7;
const SPEC_HASH = "00000000";
const HOUR_MS = 3_600_000;

export const listCase: Case = {
  name: "list",
  run: async (stage: Stage): Promise<readonly Row[]> => {
    const volume = await stage.volume(VOLUME);
    await stage.snapshot([VOLUME]);
    const archive = await stage.archive(VOLUME);
    await copyMany(archive, join(stage.folder, "many", VOLUME));
    const list = stage.dockform("snapshot", "list", "--store", join(stage.folder, "many"));
    const runs = await inRounds(LISTINGS, () => stage.run(list));
    await stage.removeVolume(volume);
    return [withinRow("snapshot list, 10,000 snapshots", 1, runs)];
  },
};

async function copyMany(archive: string, into: string): Promise<void> {
  await mkdir(into, { recursive: true });
  const sidecar = await readFile(archive.replace(/tar\.zst$/, "json"));
  for (let i = 0; i < SNAPSHOTS; i += 1) {
    const time = new Date(Date.UTC(2026, 0) + i * HOUR_MS);
    const name = snapshotBaseName({ time, specHash: SPEC_HASH });
    // Of the data nothing is read, so that one file under many names is as good as many.
    await link(archive, join(into, `${name}.tar.zst`));
    await writeFile(join(into, `${name}.json`), sidecar);
  }
}
