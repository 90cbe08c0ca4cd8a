import assert from "node:assert/strict";
import { test } from "node:test";
import { CapturedVolume } from "../../test/fakes/captured.ts";
import { DockformError } from "../errors.ts";
import { snapshotVolume, type SnapshotReport } from "./snapshot.ts";

function ifChanged({ target, tools }: CapturedVolume): Promise<SnapshotReport> {
  const request = { target, format: "tar", level: 3, note: undefined, ifChanged: true } as const;
  return snapshotVolume(request, tools);
}

test("while nothing changes there is one snapshot, which says when it was last known to hold", async () => {
  const volume = new CapturedVolume();
  const first = await ifChanged(volume);
  assert.equal(first.unchanged, false);
  assert.equal(first.sidecar.fingerprint?.algo, "metadata-1");
  const second = await ifChanged(volume);
  assert.equal(second.unchanged, true);
  assert.equal(second.archivePath, first.archivePath);
  assert.equal(second.sidecarPath, first.sidecarPath);
  const { unchanged_at: unchangedAt, ...rest } = second.sidecar;
  assert.deepEqual(rest, first.sidecar);
  assert.ok(Date.parse(unchangedAt ?? "") > Date.parse(first.sidecar.created_at));
  assert.equal(volume.store.kept.size, 1);
  assert.deepEqual(volume.engine.ours, []);
  assert.deepEqual(volume.tools.log.warnings, []);
});

test("a running container that could write is said only where a snapshot is taken", async () => {
  const volume = new CapturedVolume();
  volume.user("writer");
  await ifChanged(volume);
  await ifChanged(volume);
  assert.equal(volume.tools.log.warnings.length, 1);
});

test("what changed gets a snapshot, with the fingerprint from before it was read", async () => {
  const volume = new CapturedVolume();
  const first = await ifChanged(volume);
  volume.hasFingerprint(() => "b");
  const second = await ifChanged(volume);
  assert.equal(second.unchanged, false);
  assert.notEqual(second.sidecar.fingerprint?.value, first.sidecar.fingerprint?.value);
  assert.equal((await ifChanged(volume)).archivePath, second.archivePath);
  assert.equal(volume.store.kept.size, 2);
});

test("a volume made anew with other labels is another one", async () => {
  const volume = new CapturedVolume();
  await ifChanged(volume);
  volume.engine.removeVolume("data");
  volume.engine.createVolume("data", { labels: { made: "again" } });
  assert.equal((await ifChanged(volume)).unchanged, false);
});

test("where metadata does not tell, a snapshot is taken each time, and it is said why", async () => {
  const volume = new CapturedVolume();
  volume.hasFingerprint(() => "a", { file_system: "nfs" });
  for (let i = 0; i < 2; i += 1) {
    const { unchanged, sidecar, why } = await ifChanged(volume);
    assert.equal(unchanged, false);
    assert.equal(sidecar.fingerprint, undefined);
    const problem = "a volume on nfs may change without a trace in its metadata";
    assert.deepEqual(why, { kind: "unreliable", problem });
  }
  // It comes every night: it is the report that says it.
  assert.deepEqual(volume.tools.log.warnings, []);
});

test("it is said why a snapshot is taken", async () => {
  const volume = new CapturedVolume();
  const { target, tools } = volume;
  const why = async (): Promise<unknown> => (await ifChanged(volume)).why;
  assert.deepEqual(await why(), { kind: "first" });
  assert.equal(await why(), undefined);
  volume.hasFingerprint(() => "b", { file_system: "xfs", boot: "two" });
  assert.deepEqual(await why(), { kind: "restarted" });
  // Of another name, but not of another time.
  volume.hasFingerprint(() => "c", { file_system: "xfs", boot: "two" });
  const changed = { kind: "changed", changedEntries: 0, example: undefined, entries: 1 };
  assert.deepEqual(await why(), changed);
  volume.hasFingerprint(() => "d", { file_system: "xfs", boot: "two" }, 1_700_000_010);
  assert.deepEqual(await why(), { ...changed, changedEntries: 1, example: "d" });
  volume.engine.removeVolume("data");
  volume.engine.createVolume("data", { labels: { made: "again" } });
  assert.deepEqual(await why(), { kind: "made anew" });
  const request = { target, format: "tar", level: 3, note: undefined } as const;
  assert.equal((await snapshotVolume(request, tools)).why, undefined);
});

test("a snapshot that somebody took has a fingerprint, too, and the next one finds nothing changed", async () => {
  const volume = new CapturedVolume();
  const { target, tools } = volume;
  const request = { target, format: "tar", level: 3, note: undefined } as const;
  const { archivePath, sidecar } = await snapshotVolume(request, tools);
  assert.equal(sidecar.fingerprint?.algo, "metadata-1");
  const second = await ifChanged(volume);
  assert.deepEqual([second.unchanged, second.archivePath], [true, archivePath]);
});

/** Does something to the only snapshot, then asks for one if anything changed. */
async function afterDamage(damage: (kept: { data: Buffer; sidecarText: string }) => void): Promise<{
  readonly volume: CapturedVolume;
  readonly report: SnapshotReport;
}> {
  const volume = new CapturedVolume();
  const { archivePath } = await ifChanged(volume);
  const kept = volume.store.kept.get(archivePath) ?? assert.fail();
  const damaged = { data: kept.data, sidecarText: kept.sidecarText ?? "" };
  damage(damaged);
  volume.store.kept.set(archivePath, { ...kept, ...damaged });
  return { volume, report: await ifChanged(volume) };
}

test("a newest snapshot that cannot be relied on is no reason to take none", async () => {
  const cases: readonly [RegExp, (kept: { data: Buffer; sidecarText: string }) => void][] = [
    [/bytes long, and was \d+ when it was stored/, (kept) => (kept.data = kept.data.subarray(1))],
    [/not valid: it is not JSON/, (kept) => (kept.sidecarText = "{")],
    [
      /does not say how long it was/,
      (kept) => (kept.sidecarText = kept.sidecarText.replace(/"stored_bytes": \d+,/, "")),
    ],
  ];
  for (const [warning, damage] of cases) {
    const { volume, report } = await afterDamage(damage);
    assert.equal(report.unchanged, false);
    assert.equal(volume.store.kept.size, 2);
    assert.match(volume.tools.log.warnings.join("\n"), warning);
  }
});

test("a newest snapshot of another volume, or without a fingerprint of this kind, is no reason either", async () => {
  const changes: readonly ((text: string) => string)[] = [
    (text) => text.replace('"volume_name": "data"', '"volume_name": "other"'),
    (text) => text.replace('"metadata-1"', '"metadata-2"'),
    (text) => text.replace(/,\s*"fingerprint": \{[^}]*\}/, ""),
  ];
  for (const change of changes) {
    const { report } = await afterDamage((kept) => {
      const changed = change(kept.sidecarText);
      assert.notEqual(changed, kept.sidecarText);
      kept.sidecarText = changed;
    });
    assert.equal(report.unchanged, false);
  }
});

test("where it cannot be recorded that nothing changed, that is an error, and no snapshot", async () => {
  const volume = new CapturedVolume();
  await ifChanged(volume);
  const failure = new DockformError("sidecar.unwritable", "read-only");
  volume.store.amendFailure = failure;
  await assert.rejects(ifChanged(volume), failure);
  assert.equal(volume.store.kept.size, 1);
  assert.deepEqual(volume.engine.ours, []);
});
