import assert from "node:assert/strict";
import { copyFile, mkdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import {
  assertError,
  packFiles,
  readJson,
  sidecarOf,
  specHashOf,
  writeFiles,
  writeSidecar,
} from "../archives.ts";
import { assertUntouched } from "../evidence.ts";
import { Sandbox, type Snapshot } from "../harness.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skip } = await testEngine();

interface Setting {
  readonly from: TestVolume;
  readonly into: TestVolume;
  readonly snapshot: Snapshot;
}

/** What is read of the documents that commands print. */
interface Printed {
  readonly archive?: string;
  readonly volumes: readonly {
    readonly volume: string;
    readonly state?: string;
    readonly newest_snapshot?: string;
    readonly snapshots: readonly {
      readonly archive: string;
      readonly other_volume: string | null;
      readonly kept_by: readonly string[];
    }[];
  }[];
}

/** Two declared volumes, and a snapshot of the first. */
async function setUp(sandbox: Sandbox): Promise<Setting> {
  const from = await sandbox.volume("from");
  const into = await sandbox.volume("into");
  await writeFiles(from.folder, { file: "of from" });
  await sandbox.declare(from.name, into.name);
  return { from, into, snapshot: await sandbox.snapshot(from.name) };
}

/** Copies a snapshot into the folder of another volume, as from a day that is given. */
async function copyInto(
  sandbox: Sandbox,
  volume: string,
  archive: string,
  day: string,
): Promise<string> {
  const folder = sandbox.path(".dockform", "snapshots", volume);
  await mkdir(folder, { recursive: true });
  const copy = join(folder, basename(archive).replace(/^.*Z/, `${day}T00-00-00Z`));
  await copyFile(archive, copy);
  await copyFile(sidecarOf(archive), sidecarOf(copy));
  return copy;
}

test(
  "a snapshot of another volume is restored only where that volume is named",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { from, into, snapshot } = await setUp(sandbox);
    const before = await sandbox.evidence(into.folder);
    const restore = async (...flags: readonly string[]): Promise<ReturnType<Sandbox["dockform"]>> =>
      sandbox.dockform(["volume", "restore", into.name, snapshot.archive, "--json", ...flags]);
    const refusal = {
      exitCode: 3,
      message: `${snapshot.archive} is a snapshot of volume "${from.name}", not of "${into.name}"`,
      hint: new RegExp(
        `^Add --from-volume ${from.name} to restore it into volume "${into.name}" all the same\\.`,
      ),
    };
    assertError(await restore(), refusal);
    const dry = await restore("--dry-run", "--force");
    assert.equal(dry.code, 3, dry.stderr);
    const { plan }: { plan: { refusals: { message: string }[] } } = JSON.parse(dry.stdout);
    assert.deepEqual(
      plan.refusals.map(({ message }) => message),
      [refusal.message],
    );
    assertError(await restore("--from-volume", "other"), {
      ...refusal,
      message: /is a snapshot of volume "\S+", not of "other"$/,
    });
    assertUntouched(before, await sandbox.evidence(into.folder));
    const restored = await restore("--from-volume", from.name);
    assert.equal(restored.code, 0, restored.stderr);
    assert.equal(await readFile(join(into.folder, "file"), "utf8"), "of from");
  },
);

test("a name that only a sidecar can have becomes part of no command", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await sandbox.declare(into.name);
  const archive = await packFiles(sandbox.folder, { file: "new" });
  for (const name of ["$(touch x) `id`", "a\nb", "~root", "-x"]) {
    await writeSidecar(archive, { volume_name: name });
    const result = await sandbox.dockform(["volume", "restore", into.name, archive, "--json"]);
    assertError(result, {
      exitCode: 3,
      message: /is a snapshot of volume/,
      hint: "No volume can have that name. Find out what wrote the sidecar before you trust the archive.",
    });
  }
});

test("what --from-volume says must be true of a volume's own snapshot, too", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { from, into, snapshot } = await setUp(sandbox);
  const args = ["volume", "restore", from.name, snapshot.archive, "--json", "--force"];
  assertError(await sandbox.dockform([...args, "--from-volume", into.name]), {
    exitCode: 3,
    message: /is a snapshot of volume/,
    hint: /--from-volume/,
  });
  const restored = await sandbox.dockform([...args, "--from-volume", from.name]);
  assert.equal(restored.code, 0, restored.stderr);
});

test("without a sidecar nothing says which volume an archive is of", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { from, into } = await setUp(sandbox);
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const args = ["volume", "restore", into.name, archive, "--json"];
  assertError(await sandbox.dockform([...args, "--from-volume", from.name]), {
    exitCode: 3,
    message: `${archive} has no sidecar to say which volume it is of`,
    hint: /^Omit --from-volume/,
  });
  const restored = await sandbox.dockform(args);
  assert.equal(restored.code, 0, restored.stderr);
  assert.match(restored.stderr, /has no sidecar: nothing says which volume it is of/);
});

test("a volume of the same name in another context needs no flag", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await sandbox.declare(into.name);
  const archive = await packFiles(sandbox.folder, { file: "new" });
  await writeSidecar(archive, { volume_name: into.name, context: "production" });
  const restored = await sandbox.dockform(["volume", "restore", into.name, archive]);
  assert.equal(restored.code, 0, restored.stderr);
  assert.match(restored.stderr, /The snapshot was taken in context "production"/);
});

test(
  "a stranger in a volume's folder is marked, and stands for none of its snapshots",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { from, into, snapshot } = await setUp(sandbox);
    await writeFiles(into.folder, { file: "of into" });
    const own = await sandbox.snapshot(into.name, ["--note", "mine"]);
    const stranger = await copyInto(sandbox, into.name, snapshot.archive, "2099-01-01");
    await sandbox.manifest({
      identifier: "x",
      volumes: { [into.name]: { snapshot: { every: "1d" } }, [from.name]: {} },
    });
    const json = async (...args: readonly string[]): Promise<Printed> => {
      const { code, stdout, stderr } = await sandbox.dockform([...args, "--json"]);
      assert.equal(code, 0, stderr);
      const printed: Printed = JSON.parse(stdout);
      return printed;
    };

    const { volumes } = await json("snapshot", "list", into.name);
    assert.deepEqual(
      volumes[0]?.snapshots.map((each) => each.other_volume),
      [from.name, null],
    );
    const { stdout } = await sandbox.dockform(["snapshot", "list", into.name]);
    assert.match(stdout, new RegExp(`2099-01-01T00:00:00Z .* of volume ${from.name}\n`));

    assert.equal((await json("snapshot", "show", `${into.name}@latest`)).archive, own.archive);
    const status = await json("snapshot", "status");
    const mine = status.volumes.find(({ volume }) => volume === into.name);
    assert.deepEqual([mine?.state, mine?.newest_snapshot], ["fresh", own.archive]);
    const listed = (await json("volume", "list")).volumes.find(
      ({ volume }) => volume === into.name,
    );
    assert.equal(listed?.newest_snapshot, own.archive);

    const prune = ["snapshot", "prune", into.name, "--keep-last", "1"];
    const verdicts = (await json(...prune)).volumes[0]?.snapshots;
    assert.deepEqual(
      verdicts?.map((each) => [each.archive, each.kept_by]),
      [
        [stranger, [`of volume ${from.name}: look at it yourself`]],
        [own.archive, ["last"]],
      ],
    );

    assert.equal(
      (await json("volume", "restore", into.name, "latest", "--force")).archive,
      own.archive,
    );
    assertError(
      await sandbox.dockform(["volume", "restore", into.name, "2099", "--force", "--json"]),
      {
        exitCode: 3,
        message: /2099-01-01T00-00-00Z\S+ is a snapshot of volume/,
        hint: /--from-volume/,
      },
    );
  },
);

test(
  "where all are strangers, there is no latest, and the volume has no snapshot",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { into, snapshot } = await setUp(sandbox);
    await copyInto(sandbox, into.name, snapshot.archive, "2026-02-01");
    assertError(await sandbox.dockform(["volume", "restore", into.name, "latest", "--json"]), {
      exitCode: 2,
      message: /has no good snapshot of its own: those in its folder are of other volumes/,
      hint: /2026-02-01T00-00-00Z/,
    });
    const { stdout } = await sandbox.dockform(["snapshot", "status", "--json"]);
    const { volumes }: { volumes: { volume: string; state: string }[] } = JSON.parse(stdout);
    assert.equal(volumes.find(({ volume }) => volume === into.name)?.state, "missing");
  },
);

test("--if-changed compares with the volume's own newest snapshot", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { into, snapshot } = await setUp(sandbox);
  await writeFiles(into.folder, { file: "of into" });
  const own = await sandbox.snapshot(into.name, ["--if-changed"]);
  await copyInto(sandbox, into.name, snapshot.archive, "2099-01-01");
  const { archive } = await sandbox.snapshot(into.name, ["--if-changed"]);
  assert.equal(archive, own.archive);
  assert.notEqual((await readJson(own.sidecarPath))["unchanged_at"], undefined);
});

test("labels that tools write for themselves are no difference", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const compose = (version: string): Readonly<Record<string, string>> => ({
    "com.docker.compose.project": "app",
    "com.docker.compose.version": version,
    "com.docker.compose.config-hash": `hash of ${version}`,
  });
  const into = await sandbox.volume("into", { labels: compose("2.40.0") });
  await sandbox.declare(into.name);
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const labels = { ...compose("2.20.0"), "io.dockform.identifier": "x" };
  const pairs = Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const text = pairs.map(([key, value]) => `${key}=${value}`).join(";");
  const sidecar = {
    volume_name: into.name,
    labels,
    spec_hash: specHashOf(`driver=local|opts=|labels=${text}`),
  };
  await writeSidecar(archive, sidecar);
  const quiet = await sandbox.dockform(["volume", "restore", into.name, archive]);
  assert.equal(quiet.stderr, "");
  await writeSidecar(archive, { ...sidecar, labels: { ...labels, tier: "db" } });
  const said = await sandbox.dockform(["volume", "restore", into.name, archive, "--force"]);
  assert.match(said.stderr, /differs from this one: label tier: "db" there, not set here\n/);
});
