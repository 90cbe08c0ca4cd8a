import assert from "node:assert/strict";
import { test } from "node:test";
import { CapturedVolume } from "../../test/fakes/captured.ts";
import { tarOf } from "../../test/fakes/archived.ts";
import { FakeLog } from "../../test/fakes/surroundings.ts";
import { sampleSidecar } from "../../test/contract/sidecar.ts";
import { snapshotVolume, type SnapshotReport } from "./snapshot.ts";
import { ReadingWarnings } from "./warnings.ts";

function snapshot({ target, tools }: CapturedVolume): Promise<SnapshotReport> {
  return snapshotVolume({ target, format: "tar", level: 3, note: undefined }, tools);
}

/** What is warned of in the next snapshot, and how much is not said again. */
async function night(volume: CapturedVolume): Promise<readonly [readonly string[], number]> {
  const { log } = volume.tools;
  const before = log.warnings.length;
  const { repeatedWarnings } = await snapshot(volume);
  return [log.warnings.slice(before), repeatedWarnings];
}

test("what could write the last time is not told again, and who is new is", async () => {
  const volume = new CapturedVolume();
  volume.user("writer");
  const [warnings, repeated] = await night(volume);
  assert.deepEqual([warnings.length, repeated], [1, 0]);
  assert.deepEqual(await night(volume), [[], 1]);
  volume.user("another");
  const [[warning, ...others]] = await night(volume);
  assert.match(warning ?? "", /^another is running/);
  assert.deepEqual(others, []);
  const { lines } = volume.tools.log;
  // For those who look for it.
  assert.equal(
    lines.filter(({ level, text }) => level === "debug" && /can write/.test(text)).length,
    2,
  );
});

test("remarks are told once for each reason, whatever files they name; the sidecar has them all", async () => {
  const volume = new CapturedVolume();
  const saying = (...messages: readonly string[]): void => {
    volume.archives(tarOf({ a: "content" }), { tar_status: "1" }, messages);
  };
  saying("tar: ./a: file changed as we read it");
  assert.deepEqual(await night(volume), [["data: a: file changed as we read it"], 0]);
  saying("tar: ./b: file changed as we read it", "tar: ./c: file changed as we read it");
  assert.deepEqual(await night(volume), [[], 1]);
  saying("tar: ./b: file changed as we read it", "tar: ./s: socket ignored");
  assert.deepEqual(await night(volume), [["data: s: socket ignored"], 1]);
  // A night without it makes it new.
  saying("tar: ./b: file changed as we read it");
  assert.deepEqual(await night(volume), [[], 1]);
  saying("tar: ./b: file changed as we read it", "tar: ./s: socket ignored");
  const { sidecar, repeatedWarnings } = await snapshot(volume);
  assert.equal(repeatedWarnings, 1);
  assert.deepEqual(sidecar.warnings, ["b: file changed as we read it", "s: socket ignored"]);
});

test("counts and sizes are no reasons of their own, attributes are", () => {
  const attribute = (name: string, count: string): string =>
    `the attribute ${name} of ${count} is in the archive, and comes back on Btrfs only`;
  const filled = (names: string, size: string): string =>
    `${names}: holes are stored as zeros, ${size}, since the file system leaves out the blocks of other files`;
  const told = [attribute("btrfs.compression", "1 entry"), filled("a", "12 B")];
  const log = new FakeLog();
  const warnings = new ReadingWarnings("data", sampleSidecar({ warnings: told }), log);
  warnings.remarks([
    attribute("btrfs.compression", "1,204 entries"),
    filled("b and 3 others", "1.2 GB"),
    attribute("user.other", "1 entry"),
  ]);
  assert.deepEqual(log.warnings, [`data: ${attribute("user.other", "1 entry")}`]);
  assert.equal(warnings.repeated, 2);
});

test("where there is no snapshot to compare with all is told", () => {
  const log = new FakeLog();
  new ReadingWarnings("data", undefined, log).remarks(["x: socket ignored"]);
  assert.equal(log.warnings.length, 1);
});
