import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { archiveInMemory, type ArchiveInMemory } from "../../test/fakes/archive.ts";
import { tarOf } from "../../test/fakes/archived.ts";
import { fakeTools } from "../../test/fakes/surroundings.ts";
import { DockformError } from "../errors.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import { Archive } from "./archive.ts";
import { ArchivePass } from "./pass.ts";
import { verifySnapshot, type Verification } from "./verify.ts";

const TAR = await tarOf({ a: "content" });
const COUNTED = { uncompressed_bytes: TAR.length, entry_count: 2, file_count: 1 };
const tools = fakeTools();

function verify(snapshot: ArchiveInMemory): Promise<Verification> {
  return verifySnapshot(snapshot, tools);
}

test("a good snapshot is counted, and its sidecar says when that was", async () => {
  for (const snapshot of [
    archiveInMemory(TAR, { sidecar: COUNTED }),
    archiveInMemory(zstdCompressSync(TAR), { sidecar: COUNTED, extension: "tar.zst" }),
  ]) {
    const { archivePath, store } = snapshot;
    const { storedBytes, recordedAt, ...found } = await verify(snapshot);
    assert.deepEqual(found, {
      archivePath,
      tarBytes: TAR.length,
      entries: 2,
      files: 1,
      hasSidecar: true,
    });
    assert.equal(storedBytes, store.kept.get(archivePath)?.data.length);
    assert.deepEqual(recordedAt, tools.now());
    const sidecar: Sidecar = JSON.parse(store.kept.get(archivePath)?.sidecarText ?? "");
    assert.equal(sidecar.verified_at, "2026-01-02T03:04:05Z");
  }
});

test("without a sidecar the archive alone is looked at", async () => {
  for (const snapshot of [
    archiveInMemory(TAR),
    archiveInMemory(gzipSync(TAR), { extension: "tar.gz" }),
    archiveInMemory(zstdCompressSync(TAR), { extension: "tzst" }),
  ]) {
    const { hasSidecar, recordedAt, entries } = await verify(snapshot);
    assert.deepEqual([hasSidecar, recordedAt, entries], [false, undefined, 2]);
  }
});

test("damage that is found is recorded in place of what was said before, until it is found good", async () => {
  const earlier = { verified_at: "2025-12-01T00:00:00Z", proven_at: "2025-12-01T00:00:00Z" };
  const snapshot = archiveInMemory(TAR, { sidecar: { ...COUNTED, ...earlier, proven_by: "it" } });
  const { store, archivePath } = snapshot;
  const whole = store.kept.get(archivePath) ?? assert.fail();
  store.kept.set(archivePath, { ...whole, data: Buffer.from(TAR).fill("x", 600, 601) });
  await assert.rejects(verify(snapshot), { kind: "integrity" });
  const kept = store.kept.get(archivePath);
  const sidecar: Sidecar = JSON.parse(kept?.sidecarText ?? "");
  assert.equal(sidecar.damaged_at, "2026-01-02T03:04:05Z");
  const { verified_at, proven_at, proven_by } = sidecar;
  assert.deepEqual([verified_at, proven_at, proven_by], [undefined, undefined, undefined]);
  store.kept.set(archivePath, { ...whole, sidecarText: kept?.sidecarText });
  await verify(snapshot);
  const good: Sidecar = JSON.parse(store.kept.get(archivePath)?.sidecarText ?? "");
  assert.deepEqual([good.damaged_at, good.verified_at], [undefined, "2026-01-02T03:04:05Z"]);
});

test("damage that cannot be recorded is still the error; an archive alone has nowhere to record it", async () => {
  const own = fakeTools();
  await assert.rejects(verifySnapshot(archiveInMemory(TAR.subarray(0, 1024)), own));
  assert.deepEqual(own.log.warnings, []);
  const snapshot = archiveInMemory(TAR, { sidecar: { ...COUNTED, stored_bytes: 1 } });
  snapshot.store.amendFailure = new DockformError("sidecar.unwritable", "read-only");
  await assert.rejects(verifySnapshot(snapshot, own), { code: "archive.damaged" });
  assert.match(own.log.warnings.join(), /cannot record that .* is damaged: read-only/);
});

test("what is not as its sidecar says is not good, and not recorded as verified", async () => {
  const cases: readonly (readonly [Partial<Sidecar>, string, RegExp])[] = [
    [{ stored_bytes: 1 }, "archive.damaged", /bytes long, and was 1/],
    [{ uncompressed_bytes: 1 }, "archive.damaged", /is longer than the 1 bytes as tar that its/],
    [
      { uncompressed_bytes: 1e9 },
      "archive.damaged",
      /bytes as tar, and its sidecar says 1000000000/,
    ],
    [{ entry_count: 3 }, "archive.damaged", /holds 2 entries, and its sidecar says 3/],
    [{ file_count: 0 }, "archive.damaged", /holds 1 files, and its sidecar says 0/],
    [
      { checksum: { algo: "sha256", tar: "0".repeat(64) } },
      "archive.checksum-mismatch",
      /checksum mismatch/,
    ],
    [{ checksum: { algo: "sha256" } }, "sidecar.no-checksum", /has no checksum/],
  ];
  for (const [fields, code, message] of cases) {
    const snapshot = archiveInMemory(TAR, { sidecar: { ...COUNTED, ...fields } });
    await assert.rejects(verify(snapshot), { code, message, kind: "integrity" });
    const kept = snapshot.store.kept.get(snapshot.archivePath);
    assert.equal(JSON.parse(kept?.sidecarText ?? "").verified_at, undefined);
  }
});

test("the numbers of the original Dockform are of a second read, and prove nothing", async () => {
  const sidecar = { format_version: undefined, entry_count: undefined, uncompressed_bytes: 0 };
  const { entries } = await verify(
    archiveInMemory(TAR, { sidecar: { ...sidecar, file_count: 9 } }),
  );
  assert.equal(entries, 2);
});

test("an archive that is cut short, empty or something else is not good", async () => {
  for (const [snapshot, error] of [
    [archiveInMemory(TAR.subarray(0, 1024)), { code: "archive.damaged" }],
    [archiveInMemory(Buffer.alloc(10_240)), { code: "archive.empty" }],
    [
      archiveInMemory(zstdCompressSync(TAR).subarray(0, -8), { extension: "tar.zst" }),
      { kind: "integrity" },
    ],
    [archiveInMemory(gzipSync(TAR)), { message: /its content is gzip, and not an uncompressed/ }],
    [archiveInMemory(TAR, { extension: "tar.zst" }), { message: /uncompressed tar, and not zstd/ }],
  ] as const) {
    await assert.rejects(verify(snapshot), error);
  }
});

test("a store that cannot be written to makes a snapshot no worse", async () => {
  const snapshot = archiveInMemory(TAR, { sidecar: COUNTED });
  const cause = new Error("EROFS");
  snapshot.store.amendFailure = new DockformError("sidecar.unwritable", "cannot write", { cause });
  const own = fakeTools();
  const { hasSidecar, recordedAt } = await verifySnapshot(snapshot, own);
  assert.deepEqual([hasSidecar, recordedAt], [true, undefined]);
  assert.match(own.log.warnings.join(), /cannot record that .* was verified: EROFS/);
  snapshot.store.amendFailure = new DockformError("sidecar.invalid", "not valid");
  await assert.rejects(verify(snapshot), { code: "sidecar.invalid" });
});

test("only what is named like an archive is opened", async () => {
  const { store } = archiveInMemory(TAR);
  const notes = { store, archivePath: "/memory/notes.txt" };
  await assert.rejects(verifySnapshot(notes, tools), { code: "snapshot.not-a-snapshot" });
  const missing = { store, archivePath: "/memory/missing.tar" };
  await assert.rejects(verifySnapshot(missing, tools), { code: "archive.not-found" });
});

test("another name of a file counts as a file, as a snapshot counts it", async () => {
  const tar = await tarOf({ a: "one" }, { b: ["hardlink", "./a"], s: ["symlink", "a"] });
  const { entries, files } = await verify(archiveInMemory(tar));
  assert.deepEqual([entries, files], [4, 2]);
});

test("reading stops where an archive goes on beyond what its sidecar says", async () => {
  const zeros = zstdCompressSync(Buffer.alloc(4 << 20));
  // Whoever reads on to here finds another fault.
  const garbage = Buffer.from("no zstd frame");
  const data = Buffer.concat([zstdCompressSync(TAR), zeros, garbage]);
  const beyond = {
    code: "archive.damaged",
    message: /is longer than the \d+ bytes as tar that its/,
  };
  const snapshot = archiveInMemory(data, { sidecar: COUNTED, extension: "tar.zst" });
  await assert.rejects(verify(snapshot), beyond);
  await assert.rejects(list(snapshot), beyond);
  const original = { ...COUNTED, format_version: undefined, entry_count: undefined };
  for (const options of [{}, { sidecar: original }]) {
    const other = archiveInMemory(data, { ...options, extension: "tar.zst" });
    await assert.rejects(list(other), { message: /not a zstd frame/ });
  }
});

async function list(snapshot: ArchiveInMemory): Promise<void> {
  await using archive = await Archive.open(snapshot);
  using pass = new ArchivePass(archive, "Reading", tools);
  for await (const _ of pass.reader.entries());
}
