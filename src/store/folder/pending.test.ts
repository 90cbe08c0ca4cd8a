import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sampleSidecar } from "../../../test/contract/sidecar.ts";
import { formatSidecar } from "../../snapshot/sidecar.ts";
import { PendingInFolder } from "./pending.ts";

const NOON = new Date("2026-11-23T12:00:00.400Z");

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "dockform-store-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

const SIDECAR = sampleSidecar();
const SPEC_HASH = "00000000";
const BASE_NAME = `2026-11-23T12-00-00Z__spec-${SPEC_HASH}`;

function begin(folder: string, now: () => Date = () => NOON): Promise<PendingInFolder> {
  const { signal } = new AbortController();
  return PendingInFolder.begin(folder, { format: "tar.zst", specHash: SPEC_HASH, now, signal });
}

/** A clock that has reached the next second when it is asked again. */
function secondsGoBy(): () => Date {
  let seconds = -1;
  return () => {
    seconds += 1;
    return new Date(NOON.getTime() + seconds * 1000);
  };
}

test("a snapshot has two files, for their owner alone, and no other name before", async () => {
  await using folder = await temporaryFolder();
  const into = join(folder.path, "new", "volume");
  await using pending = await begin(into);
  await pending.write(Buffer.from("data"));
  assert.deepEqual(await readdir(into), [`.${BASE_NAME}.data.partial`]);
  const { archivePath, sidecarPath } = await pending.commit(SIDECAR);
  assert.equal(archivePath, join(into, `${BASE_NAME}.tar.zst`));
  assert.equal(sidecarPath, join(into, `${BASE_NAME}.json`));
  assert.deepEqual((await readdir(into)).toSorted(), [`${BASE_NAME}.json`, `${BASE_NAME}.tar.zst`]);
  assert.equal(await readFile(archivePath, "utf8"), "data");
  assert.equal(await readFile(sidecarPath, "utf8"), formatSidecar(SIDECAR));
  for (const file of [archivePath, sidecarPath]) {
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  }
  assert.equal((await stat(into)).mode & 0o777, 0o700);
});

test("a snapshot that is given up leaves nothing", async () => {
  await using folder = await temporaryFolder();
  {
    await using pending = await begin(folder.path);
    await pending.write(Buffer.from("data"));
  }
  assert.deepEqual(await readdir(folder.path), []);
});

test("a snapshot whose sidecar cannot be written leaves nothing", async () => {
  await using folder = await temporaryFolder();
  {
    await using pending = await begin(folder.path);
    await writeFile(join(folder.path, `.${BASE_NAME}.json.partial`), "");
    await assert.rejects(pending.commit(SIDECAR), { kind: "failed", message: /EEXIST/ });
  }
  assert.deepEqual(await readdir(folder.path), []);
});

test("two snapshots within one second have two names, written at once or one after the other", async () => {
  await using folder = await temporaryFolder();
  await using first = await begin(folder.path);
  await using second = await begin(folder.path, secondsGoBy());
  await first.commit(SIDECAR);
  await using third = await begin(folder.path, secondsGoBy());
  const seconds = [first, second, third].map(({ time }) => time.toISOString().slice(11, 19));
  assert.deepEqual(seconds, ["12:00:00", "12:00:01", "12:00:02"]);
});

test("a folder that cannot be made is said with what to do", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "file");
  await writeFile(file, "");
  await assert.rejects(begin(join(file, "below")), {
    code: "store.unwritable",
    advice: [{ code: "choose-store" }],
  });
});
