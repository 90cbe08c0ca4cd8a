import { rm } from "node:fs/promises";
import { join } from "node:path";
import { makeHalfCompressibleFile } from "../data.ts";
import { fasterRow, ratioRow, type Row } from "../report.ts";
import { helperImageOf, type Stage } from "../stage.ts";
import { inRounds, ROUNDS, type Case } from "./case.ts";
import { execRound } from "./exec.ts";

const VOLUME = "bench-original";
const BYTES = 128 * 2 ** 20;

/** The original's pipeline: data through the container's log, then both statistics by further passes. */
const PIPELINE = `
	run() { docker run --rm -v "$1:/src:ro" --entrypoint sh "$2" -c "$3"; }
	run "$1" "$2" 'tar --numeric-owner --xattrs --acls -C /src -cf - . | zstd -q -T0 -19' >"$3"
	run "$1" "$2" 'tar --numeric-owner --xattrs --acls -C /src -cf - . | wc -c' >"$3.bytes"
	run "$1" "$2" 'find /src -xdev -type f | wc -l' >"$3.count"
	sha256sum "$3" >"$3.sha256"`;

export const originalCase: Case = {
  name: "original",
  run: async (stage: Stage): Promise<readonly Row[]> => {
    const volume = await stage.volume(VOLUME);
    await makeHalfCompressibleFile(join(volume.folder, "data"), BYTES);
    const file = join(stage.folder, "original.tar.zst");
    const image = await helperImageOf(stage);
    const rounds = await inRounds(ROUNDS, async () => ({
      pipeline: {
        reference: await stage.run(["sh", "-c", PIPELINE, "original", VOLUME, image, file]),
        dockform: await stage.snapshot([VOLUME]),
      },
      exec: await execRound(stage, VOLUME),
    }));
    await rm(file);
    await stage.removeVolume(volume);
    return [
      fasterRow(
        "snapshot, 128 MiB",
        "the original's pipeline",
        50,
        rounds.map((round) => round.pipeline),
      ),
      ratioRow(
        "the same by exec streams",
        "docker run into a file",
        1,
        rounds.map((round) => round.exec),
      ),
    ];
  },
};
