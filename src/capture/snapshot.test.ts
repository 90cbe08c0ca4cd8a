import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { tarOf } from "../../test/fakes/archived.ts";
import { CapturedVolume } from "../../test/fakes/captured.ts";
import { readTar } from "../../test/fixtures/tar-streams.ts";
import { engineInfo } from "../engine/system.ts";
import { DockformError } from "../errors.ts";
import { operationLabels, recordLabels, type OperationName } from "../journal/operation.ts";
import { FORMAT_VERSION } from "../snapshot/sidecar.ts";
import { specHash } from "../snapshot/spec-hash.ts";
import { snapshotVolume, type SnapshotReport, type SnapshotRequest } from "./snapshot.ts";

function snapshot(
  volume: CapturedVolume,
  request: Partial<SnapshotRequest> = {},
): Promise<SnapshotReport> {
  const { target, tools } = volume;
  return snapshotVolume({ target, format: "tar", level: 3, note: undefined, ...request }, tools);
}

/** Nothing of an attempt is left: no snapshot, no helper. */
function assertNothingLeft({ store, engine }: CapturedVolume): void {
  assert.deepEqual([...store.kept], []);
  assert.deepEqual([...store.claimed], []);
  assert.deepEqual(engine.ours, []);
}

test("a snapshot is the volume's archive, and its sidecar says what that holds", async () => {
  const volume = new CapturedVolume();
  const report = await snapshot(volume, { note: "before the update" });
  const kept = volume.store.kept.get(report.archivePath) ?? assert.fail();
  const read = await readTar(kept.data);
  assert.deepEqual(
    read.map(({ path, content }) => `${path} ${String(content)}`),
    ["./ ", "./a content"],
  );
  const engineVolume = await volume.inspect();
  assert.deepEqual(report.sidecar, JSON.parse(kept.sidecarText ?? ""));
  assert.deepEqual(report.sidecar, {
    dockform_version: "1.2.3",
    created_at: report.sidecar.created_at,
    volume_name: "data",
    spec_hash: specHash(engineVolume),
    driver: "local",
    driver_opts: {},
    labels: { made: "for a test" },
    uncompressed_bytes: 10_240,
    file_count: 1,
    checksum: { algo: "sha256", tar: createHash("sha256").update(kept.data).digest("hex") },
    notes: "before the update",
    format_version: FORMAT_VERSION,
    stored_bytes: kept.data.length,
    entry_count: 2,
    context: "default",
    engine: { id: (await engineInfo(volume.client)).id, version: "20.10" },
    consistency: "live",
    warnings: [],
    containers: [],
    holds: {
      owners: ["0:0"],
      attributes: 0,
      acls: 0,
      devices: 0,
      fifos: 0,
      symlinks: 0,
      hard_links: 0,
    },
    durations: { total_ms: report.sidecar.durations?.total_ms, downtime_ms: 0 },
    fingerprint: report.sidecar.fingerprint,
  });
  assert.match(report.sidecar.created_at, /^2026-01-02T03:04:\d\dZ$/);
  assert.deepEqual([report.unchanged, report.shortcomings], [false, []]);
  assert.deepEqual(volume.engine.ours, []);
});

test("the helper is told the compression, and the checksum is under its name", async () => {
  const volume = new CapturedVolume();
  const words: (readonly string[])[] = [];
  const archive = volume.verbs["archive"] ?? assert.fail();
  volume.verbs["archive"] = (call) => {
    words.push(call.args);
    return archive(call);
  };
  await snapshot(volume, { format: "tar.zst", level: 19 });
  const { sidecar } = await snapshot(volume, { format: "tar.zst" });
  await snapshot(volume, { format: "tar" });
  assert.deepEqual(words, [
    ["-", "19"],
    ["-", "3"],
    ["-", "none"],
  ]);
  assert.match(sidecar.checksum.tar_zst ?? "", /^[0-9a-f]{64}$/);
  assert.equal(sidecar.checksum.tar, undefined);
});

test("who uses the volume is in the sidecar, and whoever may write meanwhile is said", async () => {
  const volume = new CapturedVolume();
  volume.user("writer");
  volume.user("reader", { readOnly: true });
  volume.user("stopped", { isRunning: false });
  const { sidecar } = await snapshot(volume);
  assert.deepEqual(
    sidecar.containers?.map(({ name, state, read_write: readWrite }) => [name, state, readWrite]),
    [
      ["writer", "running", true],
      ["reader", "running", false],
      ["stopped", "created", true],
    ],
  );
  const [warning, ...others] = volume.tools.log.warnings;
  assert.match(warning ?? "", /writer.* is running and can write to volume "data"/);
  assert.deepEqual(others, []);
});

test("what tar remarks is said, is in the sidecar, and where something may be missing in the report", async () => {
  const volume = new CapturedVolume();
  volume.archives(tarOf({ a: "content" }), { tar_status: "1" }, [
    "tar: ./a: file changed as we read it",
    "tar: ./s: socket ignored",
  ]);
  const { sidecar, shortcomings } = await snapshot(volume);
  assert.equal(sidecar.warnings?.length, 2);
  assert.equal(volume.tools.log.warnings.length, 2);
  assert.equal(shortcomings.length, 1);
  assert.match(shortcomings[0] ?? "", /file changed/);
});

test("attributes that a restore may not put back are counted; those of Btrfs alone are no shortcoming", async () => {
  const volume = new CapturedVolume();
  volume.archives(tarOf({ a: "content" }), {
    "attribute_security.NTACL": "1",
    "attribute_btrfs.compression": "2",
    "attribute_user.x": "3",
  });
  const { sidecar, shortcomings } = await snapshot(volume);
  assert.deepEqual(sidecar.unrestorable_attributes, {
    "security.NTACL": 1,
    "btrfs.compression": 2,
  });
  assert.equal(shortcomings.length, 1);
  assert.match(
    shortcomings[0] ?? "",
    /security\.NTACL of 1 entry .* only by a helper with SYS_ADMIN/,
  );
  assert.match(sidecar.warnings?.join() ?? "", /btrfs\.compression of 2 entries .* on Btrfs only/);
});

test("a volume that is not there has no snapshot", async () => {
  const volume = new CapturedVolume();
  volume.engine.removeVolume("data");
  await assert.rejects(snapshot(volume), { kind: "failed", message: /"data" not found/ });
  assertNothingLeft(volume);
});

test("nothing is left of an archive that tar did not finish", async () => {
  const volume = new CapturedVolume();
  volume.archives(tarOf({ a: "content" }), { tar_status: "2" }, ["tar: ./b: Cannot open: No"]);
  await assert.rejects(snapshot(volume), {
    code: "volume.unreadable",
    message: /cannot read volume "data".*Cannot open/,
    hint: /No snapshot was written/,
  });
  assertNothingLeft(volume);
});

test("nothing is left where the store has no room, for data or for the sidecar", async () => {
  const full = new DockformError("store.full", "the store is full");
  for (const failure of ["writeFailure", "commitFailure"] as const) {
    const volume = new CapturedVolume();
    volume.store[failure] = full;
    await assert.rejects(snapshot(volume), full);
    assertNothingLeft(volume);
  }
});

test("nothing is left when the helper dies", async () => {
  const volume = new CapturedVolume();
  volume.verbs["archive"] = async ({ output }) => {
    output(Buffer.alloc(1000));
    for (const { id } of volume.engine.ours) await volume.engine.killContainer(id);
    return {};
  };
  await assert.rejects(snapshot(volume), { kind: "failed", message: /helper container ended/ });
  assertNothingLeft(volume);
});

test("nothing is left when the engine cannot say which one it is", async () => {
  const volume = new CapturedVolume();
  volume.client.failNext(/^GET \/info/, 500);
  await assert.rejects(snapshot(volume), { kind: "failed" });
  assertNothingLeft(volume);
});

test("nothing is left when a person interrupts", async () => {
  const controller = new AbortController();
  const volume = new CapturedVolume(controller.signal);
  volume.verbs["archive"] = ({ output }) => {
    output(Buffer.alloc(1000));
    controller.abort(new Error("enough"));
    return new Promise(() => {});
  };
  await assert.rejects(snapshot(volume), /enough/);
  assertNothingLeft(volume);
});

test("what an interrupted operation left in the volume is no contents for a snapshot", async () => {
  const volume = new CapturedVolume();
  volume.verbs["archive"] = () => ({ facts: { "unfinished_.dockform-0123456789ab": "new" } });
  await assert.rejects(snapshot(volume), { code: "volume.interrupted" });
  assertNothingLeft(volume);
});

function leaveHelper(volume: CapturedVolume, name: OperationName, isRunning: boolean): void {
  const labels = operationLabels({
    name,
    volume: "data",
    client: "another",
    startedAt: "2026-01-01T00:00:00Z",
    staging: name === "snapshot" ? undefined : ".dockform-0123456789ab",
  });
  const definition = { Image: "helper:1", Labels: labels };
  const container = volume.engine.createContainer(`dockform-${name}-data`, definition);
  if (isRunning) volume.engine.startContainer(container.id);
  else {
    container.state = "exited";
    container.exitCode = 1;
  }
}

test("nothing is read while another client writes, or where one was interrupted", async () => {
  for (const name of ["restore", "undo", "recover"] as const) {
    for (const isRunning of [true, false]) {
      const volume = new CapturedVolume();
      leaveHelper(volume, name, isRunning);
      volume.verbs["archive"] = () => assert.fail("it was read");
      const code = isRunning ? "volume.busy" : "volume.interrupted";
      await assert.rejects(snapshot(volume), { code, kind: "refused" });
      assert.deepEqual([...volume.store.kept], []);
      assert.equal(volume.engine.ours.length, 1);
    }
  }
});

test("nothing is read as long as containers are stopped for an operation that was interrupted", async () => {
  const volume = new CapturedVolume();
  const Labels = recordLabels("stopped-containers", "data", "{}");
  volume.engine.createContainer("dockform-record", { Image: "helper:1", Labels });
  await assert.rejects(snapshot(volume), { code: "volume.interrupted" });
  assert.deepEqual([...volume.store.kept], []);
});

test("another snapshot at the same time is no obstacle", async () => {
  const volume = new CapturedVolume();
  leaveHelper(volume, "snapshot", true);
  await snapshot(volume);
  assert.equal(volume.store.kept.size, 1);
});

test("what is wrong with the helper comes before who is in the way", async () => {
  const volume = new CapturedVolume();
  leaveHelper(volume, "restore", true);
  volume.verbs["hello"] = () => ({ facts: { tar: "tar (busybox) 1.36", zstd: "1.5", lacks: "" } });
  await assert.rejects(snapshot(volume), { code: /^helper\./ });
  assert.equal(volume.engine.ours.length, 1);
});
