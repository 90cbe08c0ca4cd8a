import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PendingSnapshot } from "./folder.ts";
import { newestSnapshot } from "./stranger.ts";

const NOON = new Date("2026-11-23T12:00:00.400Z");

async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "dockform-store-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

function begin(folder: string, now: () => Date = () => NOON): Promise<PendingSnapshot> {
  const { signal } = new AbortController();
  return PendingSnapshot.begin({ folder, format: "tar.zst", specHash: "00000000", now, signal });
}

/** A clock that has reached the next second when it is asked again. */
function secondsGoBy(): () => Date {
  let seconds = -1;
  return () => {
    seconds += 1;
    return new Date(NOON.getTime() + seconds * 1000);
  };
}

test("nothing looks like a snapshot before it is committed, and then all of it does", async () => {
  await using folder = await temporaryFolder();
  const into = join(folder.path, "new", "volume");
  await using pending = await begin(into);
  await pending.write(Buffer.from("data"));
  assert.deepEqual(await readdir(into), [".2026-11-23T12-00-00Z__spec-00000000.data.partial"]);
  assert.equal(await newestSnapshot([into], "volume"), undefined);
  await pending.commit("{}\n");
  assert.deepEqual((await readdir(into)).toSorted(), [
    "2026-11-23T12-00-00Z__spec-00000000.json",
    "2026-11-23T12-00-00Z__spec-00000000.tar.zst",
  ]);
  assert.equal(await readFile(pending.archivePath, "utf8"), "data");
  for (const file of [pending.archivePath, pending.sidecarPath]) {
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  }
  assert.equal((await stat(into)).mode & 0o777, 0o700);
  assert.equal((await newestSnapshot([into], "volume"))?.archivePath, pending.archivePath);
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
    await writeFile(join(folder.path, ".2026-11-23T12-00-00Z__spec-00000000.json.partial"), "");
    await assert.rejects(pending.commit("{}"), { kind: "failed", message: /EEXIST/ });
  }
  assert.deepEqual(await readdir(folder.path), []);
});

test("two snapshots within one second have two names, written at once or one after the other", async () => {
  await using folder = await temporaryFolder();
  await using first = await begin(folder.path);
  await using second = await begin(folder.path, secondsGoBy());
  await first.commit("{}");
  await using third = await begin(folder.path, secondsGoBy());
  const names = [first, second, third].map(({ baseName }) => baseName);
  assert.deepEqual(names, [
    "2026-11-23T12-00-00Z__spec-00000000",
    "2026-11-23T12-00-01Z__spec-00000000",
    "2026-11-23T12-00-02Z__spec-00000000",
  ]);
});

test("a folder that cannot be made is said with what to do", async () => {
  await using folder = await temporaryFolder();
  const file = join(folder.path, "file");
  await writeFile(file, "");
  await assert.rejects(begin(join(file, "below")), { kind: "failed", hint: /-o/ });
});

test("the newest complete snapshot is found among others, unfinished and foreign files", async () => {
  await using folder = await temporaryFolder();
  const names = [
    "2026-01-01T00-00-00Z__spec-00000000.tar.zst",
    "2026-01-01T00-00-00Z__spec-00000000.json",
    "2026-02-01T00-00-00Z__spec-00000000.tar",
    "2026-02-01T00-00-00Z__spec-00000000.json",
    "2026-03-01T00-00-00Z__spec-00000000.tar.zst",
    "2026-04-01T00-00-00Z__spec-00000000.json",
    "notes.tar",
    "notes.json",
  ];
  for (const name of names) await writeFile(join(folder.path, name), "");
  const newest = await newestSnapshot([join(folder.path, "missing"), folder.path], "data");
  assert.equal(newest?.time.toISOString(), "2026-02-01T00:00:00.000Z");
  assert.equal(await newestSnapshot([join(folder.path, "missing")], "data"), undefined);
});
