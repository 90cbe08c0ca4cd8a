import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  archiveExtension,
  archiveFormat,
  parseSnapshotBaseName,
  sidecarFormat,
  sidecarPath,
  snapshotBaseName,
} from "./name.ts";

const LAST_SECOND_OF_YEAR_9999 = Date.UTC(9999, 11, 31, 23, 59, 59) / 1000;

test("a name is the UTC time to the second and the spec hash", () => {
  const time = new Date("2026-11-23T02:15:40Z");
  const name = snapshotBaseName({ time, specHash: "1a2b3c4d" });
  assert.equal(name, "2026-11-23T02-15-40Z__spec-1a2b3c4d");
});

test("every name that is written is read back, and sorts by time", () => {
  const seconds = fc.integer({ min: 0, max: LAST_SECOND_OF_YEAR_9999 });
  fc.assert(
    fc.property(seconds, seconds, (a, b) => {
      const [first, second] = [a, b].map((s) => ({
        time: new Date(s * 1000),
        specHash: "00ff00ff",
      }));
      assert.ok(first && second);
      assert.deepEqual(parseSnapshotBaseName(snapshotBaseName(first)), first);
      assert.equal(snapshotBaseName(first) < snapshotBaseName(second), a < b);
    }),
  );
});

test("nothing else is taken for a snapshot's name", () => {
  for (const other of [
    "",
    "2026-11-23",
    "2026-11-23T02-15-40Z",
    "2026-02-30T02-15-40Z__spec-1a2b3c4d",
    "2026-11-23T24-15-40Z__spec-1a2b3c4d",
    "2026-11-23T02-15-40Z__spec-1a2b3c4",
    "2026-11-23T02-15-40Z__spec-1A2B3C4D",
    ".2026-11-23T02-15-40Z__spec-1a2b3c4d",
  ]) {
    assert.equal(parseSnapshotBaseName(other), undefined, other);
  }
});

test("data of both formats belong to the same sidecar", () => {
  assert.equal(sidecarPath("/s/X.tar.zst", "tar.zst"), "/s/X.json");
  assert.equal(sidecarPath("/s/X.tar", "tar"), "/s/X.json");
  assert.equal(archiveFormat("/s.tar/X.tar.zst"), "tar.zst");
  assert.equal(archiveFormat("X.tar"), "tar");
  assert.equal(archiveFormat("X.tar.gz"), undefined);
  assert.equal(archiveFormat("tar"), undefined);
});

test("archives of other programs are known by their extension, and have no sidecar but .tzst", () => {
  for (const extension of ["tar.gz", "tgz", "tar.xz", "tar.bz2"] as const) {
    assert.equal(archiveExtension(`/s/X.${extension}`), extension);
    assert.equal(sidecarFormat(extension), undefined);
  }
  assert.equal(archiveExtension("X.tzst"), "tzst");
  assert.equal(sidecarFormat("tzst"), "tar.zst");
  assert.equal(sidecarPath("/s/X.tzst", "tzst"), "/s/X.json");
  assert.equal(archiveExtension("X.gz"), undefined);
});
