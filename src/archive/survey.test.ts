import assert from "node:assert/strict";
import { test } from "node:test";
import { archiveInMemory, type ArchiveInMemory } from "../../test/fakes/archive.ts";
import { tarOf } from "../../test/fakes/archived.ts";
import { fakeTools } from "../../test/fakes/surroundings.ts";
import { sha256 } from "../../test/fixtures/tar-streams.ts";
import { Archive } from "./archive.ts";
import { refuseEmpty, surveyArchive, type Room, type Survey } from "./survey.ts";

const TAR = await tarOf({ a: "content", b: "x".repeat(3000) });
const COUNTED = { uncompressed_bytes: TAR.length, entry_count: 3, file_count: 2 };

async function survey(snapshot: ArchiveInMemory, roomBytes = 1e9): Promise<Survey> {
  await using archive = await Archive.open(snapshot);
  const room = async (): Promise<Room> => {
    return { bytes: roomBytes, hint: "Make room.", advice: [] };
  };
  return await surveyArchive(archive, await archive.sidecar(), room, fakeTools());
}

test("where a sidecar of ours has counted, its checksum is all that is looked at", async () => {
  const { contents, layout, isEmpty } = await survey(archiveInMemory(TAR, { sidecar: COUNTED }), 0);
  assert.deepEqual(contents, {
    tarBytes: TAR.length,
    entries: 3,
    sha256: sha256(TAR),
    holds: undefined,
  });
  assert.deepEqual([layout, isEmpty], [undefined, false]);
});

test("elsewhere all of it is read, and its room is what tar would count", async () => {
  for (const snapshot of [
    archiveInMemory(TAR),
    archiveInMemory(TAR, { sidecar: { format_version: undefined, entry_count: undefined } }),
  ]) {
    const { contents, layout, isEmpty } = await survey(snapshot);
    const { tarBytes, ...rest } = contents;
    assert.deepEqual(rest, { entries: 3, sha256: sha256(TAR) });
    assert.ok(tarBytes % 512 === 0 && tarBytes <= TAR.length);
    assert.ok(layout !== undefined && !isEmpty);
  }
});

test("what is not what was stored is refused, and what has nothing to compare it with", async () => {
  const other = { ...COUNTED, checksum: { algo: "sha256", tar: "0".repeat(64) } as const };
  await assert.rejects(survey(archiveInMemory(TAR, { sidecar: other })), {
    code: "archive.checksum-mismatch",
    data: { expected: "0".repeat(64), actual: sha256(TAR) },
  });
  const none = { ...COUNTED, checksum: { algo: "sha256" } as const };
  await assert.rejects(survey(archiveInMemory(TAR, { sidecar: none })), {
    code: "sidecar.no-checksum",
  });
});

test("an archive is not read beyond what there is room for", async () => {
  await assert.rejects(survey(archiveInMemory(TAR), 1000), {
    kind: "refused",
    message: /holds more than the .* that the volume's file system has room for/,
    hint: "Nothing was touched. Make room.",
  });
});

test("what would leave a volume empty has to be asked for", async () => {
  const empty = await survey(archiveInMemory(await tarOf({})));
  assert.equal(empty.isEmpty, true);
  assert.throws(() => refuseEmpty({ path: "x" }, empty, false), { code: "archive.empty" });
  refuseEmpty({ path: "x" }, empty, true);
  refuseEmpty({ path: "x" }, await survey(archiveInMemory(TAR)), false);
});

test("an interruption ends the reading of a checksum", async () => {
  await using archive = await Archive.open(archiveInMemory(TAR, { sidecar: COUNTED }));
  const tools = fakeTools("somebody", AbortSignal.abort(new Error("enough")));
  const room = async (): Promise<never> => assert.fail();
  await assert.rejects(surveyArchive(archive, await archive.sidecar(), room, tools), /enough/);
});
