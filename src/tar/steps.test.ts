/** Work in proportion to the bytes that are read, counted in steps of the reader's own code: times say little. */
import assert from "node:assert/strict";
import { Session } from "node:inspector/promises";
import { after, test } from "node:test";
import {
  entry,
  file,
  joined,
  many,
  record,
  repeated,
  tar,
  inTurns,
  type Pieces,
} from "../../test/fixtures/hostile-streams.ts";

const session = new Session();
session.connect();
await session.post("Profiler.enable");
await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
// Only of what is loaded from now on every block is counted; of the rest, calls of functions alone.
const { TarReader } = await import("./entries.ts");

after(() => session.disconnect());

/** How often any block of code in this folder ran meanwhile. */
async function stepsOf(work: () => Promise<void>): Promise<number> {
  // What runs for the first time is not counted from its beginning.
  await work();
  await session.post("Profiler.takePreciseCoverage");
  await work();
  const { result } = await session.post("Profiler.takePreciseCoverage");
  return result
    .filter(({ url }) => /\/src\/tar\/(?!.*\.test\.ts)/.test(url))
    .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
    .reduce((sum, { count }) => sum + count, 0);
}

async function readAll(pieces: Pieces): Promise<void> {
  async function* source(): AsyncGenerator<Uint8Array> {
    yield* pieces;
  }
  for await (const _ of new TarReader(source(), "the archive").entries());
}

const GROWING: Readonly<Record<string, (n: number) => Pieces>> = {
  "entries after global headers that say the same again": (n) =>
    joined(
      inTurns(n, () => entry("g", record("mtime", "1"))),
      inTurns(n, () => [file()]),
    ),
  "entries after global headers with comments": (n) =>
    joined(
      inTurns(n, () => entry("g", record("comment", "text"))),
      inTurns(n, () => [file()]),
    ),
  "extended headers one after the other": (n) =>
    joined(
      inTurns(n, () => entry("x", record("path", "./b"))),
      [file()],
    ),
  "records of one header": (n) => joined(entry("x", repeated("6 a=b\n", n)), [file()]),
  "attributes of one entry": (n) =>
    joined(
      entry(
        "x",
        many(n, (i) => record(`SCHILY.xattr.user.${i}`, "")),
      ),
      [file()],
    ),
  "names in an incremental dump": (n) => entry("D", repeated("Y\0", n), { name: "./" }),
};

for (const [what, pieces] of Object.entries(GROWING)) {
  test(`twice as many take twice the steps: ${what}`, async () => {
    const once = await stepsOf(() => readAll(tar(pieces(400))));
    const twice = await stepsOf(() => readAll(tar(pieces(800))));
    assert.ok(once > 400, `${once} steps were counted`);
    assert.ok(twice < once * 2.2, `${once} steps became ${twice}`);
  });
}
