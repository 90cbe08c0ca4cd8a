/** A judge that sees no loss would make the whole suite worthless. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { canStartPrivateEngine, startPrivateEngine } from "../engine/private-engine.ts";
import { run } from "../oracle/host.ts";
import { Findings, judge, lookAround } from "./judge.ts";
import type { Ground } from "./plan.ts";
import { Scene } from "./scene.ts";

const GROUNDS: readonly Ground[] = [
  "roomy",
  "small",
  "xfs",
  "btrfs",
  "overlay",
  "lower",
  "mergerfs",
  "branches",
  "memory",
];

/** What is done in the volume's folder, and what the judge must say of it. */
const LOSSES: readonly (readonly [script: string, verdict: RegExp])[] = [
  ["rm file-7", /neither old nor new.*file-7/],
  [
    "printf X | dd of=database/large bs=1 seek=9999 conv=notrunc status=none && touch -d @2000 database/large",
    /neither old nor new.*database\/large/,
  ],
  ["mkdir .dockform-0123456789ab", /left over in the volume: .dockform-0123456789ab/],
];

const skip = canStartPrivateEngine() ? false : "a private engine needs root on Linux";
const engine = skip === false ? await startPrivateEngine() : undefined;
after(() => engine?.stop());

for (const ground of GROUNDS) {
  test(`a loss is seen on the ground "${ground}"`, { skip }, async () => {
    assert.ok(engine);
    await using scene = await Scene.create(engine, ground);
    const verdict = async (): Promise<readonly string[]> => {
      const findings = new Findings();
      const aftermath = await lookAround(scene, findings);
      const expected = { mayHold: ["a"] as const, keeps: undefined, engineDied: false };
      await judge(scene, aftermath, expected, findings);
      return findings.problems;
    };
    assert.deepEqual(await verdict(), []);
    for (const [script, expected] of LOSSES) {
      await run("sh", ["-e", "-c", `cd "$0" && ${script}`, scene.volume.folder]);
      assert.match((await verdict()).join("\n"), expected);
    }
  });
}
