import assert from "node:assert/strict";
import { test } from "node:test";
import { tarOf } from "../../test/fakes/archived.ts";
import { CapturedVolume } from "../../test/fakes/captured.ts";
import { readAll, type ReadEntry } from "../../test/fixtures/tar-streams.ts";
import { liveEntries } from "./live-entries.ts";

function read({ target, tools }: CapturedVolume): Promise<readonly ReadEntry[]> {
  return readAll(liveEntries(target, tools));
}

test("what a volume holds is read without a snapshot, and the helper is gone then", async () => {
  const volume = new CapturedVolume();
  volume.archives(tarOf({ a: "x", b: "yy" }), {}, ["tar: ./s: socket ignored"]);
  const entries = await read(volume);
  assert.deepEqual(
    entries.map(({ path, sizeBytes }) => [path, sizeBytes]),
    [
      ["./", 0],
      ["./a", 1],
      ["./b", 2],
    ],
  );
  assert.match(volume.tools.log.warnings.join(), /^data: .*socket ignored/);
  assert.deepEqual([...volume.store.kept], []);
  assert.deepEqual(volume.engine.ours, []);
});

test("a helper is gone as soon as nobody wants more entries", async () => {
  const volume = new CapturedVolume();
  for await (const { path } of liveEntries(volume.target, volume.tools)) if (path === "./") break;
  assert.deepEqual(volume.engine.ours, []);
});

test("a volume that cannot be read is an error with a cause", async () => {
  const volume = new CapturedVolume();
  volume.archives(tarOf({}), { tar_status: "2" }, ["tar: ./a: Cannot open: Input/output error"]);
  await assert.rejects(read(volume), {
    code: "volume.unreadable",
    message: /cannot read volume "data".*Input\/output error/,
  });
  assert.deepEqual(volume.engine.ours, []);
});

test("a volume that is not there is an error", async () => {
  const volume = new CapturedVolume();
  volume.engine.removeVolume("data");
  await assert.rejects(read(volume), { code: "volume.not-found" });
});
