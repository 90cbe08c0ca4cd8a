import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Pair } from "../report.ts";
import { helperImageOf, type Stage } from "../stage.ts";

/** One round of a snapshot as of a remote engine, against the docker CLI with as little in its way. */
export async function execRound(stage: Stage, volume: string): Promise<Pair> {
  const file = join(stage.folder, "docker-run.tar.zst");
  const script = `docker run --rm --log-driver none --network none -v "$1:/volume:ro" --entrypoint sh "$2" \\
    -c 'tar -C /volume -cf - . | zstd -q -3 -T0' >"$3"`;
  const image = await helperImageOf(stage);
  const reference = await stage.run(["sh", "-c", script, "reference", volume, image, file]);
  await rm(file);
  const dockform = await stage.snapshot([volume], (...args) => stage.dockformByExec(...args));
  return { reference, dockform };
}
