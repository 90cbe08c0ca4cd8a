import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { test } from "node:test";
import { pauseContainer, stopContainer } from "../../../src/engine/containers.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { run } from "../../oracle/host.ts";
import { assertError, readJson, sha256Of, sidecarOf, specHashOf, writeFiles } from "../archives.ts";
import { assertUntouched } from "../evidence.ts";
import { Sandbox } from "../harness.ts";

const { host, skip, skipUnlessPrivate } = await testEngine();

const NAME = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)Z__spec-([0-9a-f]{8})$/;

test("a snapshot says in its sidecar what it holds and where it is from", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const driverOpts = { type: "tmpfs", device: "tmpfs", o: "size=8m" };
  const labels = { tier: "scratch", "io.dockform.identifier": "myproject", Zone: "1" };
  const from = await sandbox.volume("from", { driverOpts, labels });
  await sandbox.declare(from.name);
  const earliest = Math.floor(Date.now() / 1000) * 1000;
  const note = "before the upgrade";
  const { archive, sidecarPath, sidecar } = await sandbox.snapshot(from.name, ["--note", note]);
  const latest = Date.now();

  assert.deepEqual(await readJson(sidecarPath), sidecar);
  assert.equal(sidecarPath, sidecarOf(archive));
  assert.equal(dirname(archive), sandbox.path(".dockform", "snapshots", from.name));
  assert.deepEqual((await readdir(dirname(archive))).toSorted(), [
    basename(sidecarPath),
    basename(archive),
  ]);
  const spec = specHashOf(
    "driver=local|opts=device=tmpfs;o=size=8m;type=tmpfs|labels=Zone=1;io.dockform.identifier=myproject;tier=scratch",
  );
  const [, date, hours, minutes, seconds, nameSpec] =
    NAME.exec(basename(archive, ".tar.zst")) ?? [];
  assert.equal(nameSpec, spec);
  assert.equal(sidecar["spec_hash"], spec);
  const createdAt = `${date}T${hours}:${minutes}:${seconds}Z`;
  assert.equal(sidecar["created_at"], createdAt);
  const time = new Date(createdAt).getTime();
  assert.ok(earliest <= time && time <= latest);
  assert.equal(sidecar["volume_name"], from.name);
  assert.equal(sidecar["driver"], "local");
  assert.deepEqual(sidecar["driver_opts"], driverOpts);
  assert.deepEqual(sidecar["labels"], labels);
  assert.equal(sidecar["notes"], note);
  assert.equal(sidecar["context"], "default");
  assert.equal(sidecar["consistency"], "live");
  assert.equal(sidecar["stored_bytes"], (await stat(archive)).size);
  assert.deepEqual(sidecar["checksum"], { algo: "sha256", tar_zst: await sha256Of(archive) });
  assert.equal(sidecar["uncompressed_bytes"], (await run("zstd", ["-dcq", archive])).length);
});

test("the spec hash is the original's", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from", { labels: { "io.dockform.identifier": "myproject" } });
  const { sidecar, archive } = await sandbox.snapshot(from.name);
  assert.equal(sidecar["spec_hash"], "5df65d76");
  assert.match(archive, /__spec-5df65d76\.tar\.zst$/);
});

test("snapshots are for their owner's eyes only", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  await sandbox.declare(from.name);
  const { archive, sidecarPath } = await sandbox.snapshot(from.name);
  for (const file of [archive, sidecarPath]) {
    assert.equal((await stat(file)).mode & 0o777, 0o600, file);
  }
  for (const folder of [".dockform", ".dockform/snapshots", `.dockform/snapshots/${from.name}`]) {
    assert.equal((await stat(sandbox.path(folder))).mode & 0o777, 0o700, folder);
  }
});

test("the data is one zstd frame with a checksum, at the level asked for", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  // Several of the pieces that zstd's threads work on.
  const lines = Array.from({ length: 400_000 }, (_, i) => `${(i * 2_654_435_761) % 1_000_003}`);
  await writeFiles(
    from.folder,
    Object.fromEntries(["a", "b", "c", "d"].map((name) => [name, lines.join("\n")])),
  );
  const sizes: number[] = [];
  for (const level of ["1", "9"]) {
    const { archive } = await sandbox.snapshot(from.name, ["--level", level]);
    const told = (await run("zstd", ["-lv", archive])).toString();
    assert.match(told, /^(?:# Zstandard Frames|Number of Frames|Frames): 1$/im);
    assert.match(told, /^Check: XXH64/m);
    sizes.push((await stat(archive)).size);
  }
  const [fast = 0, small = 0] = sizes;
  assert.ok(small < fast, `level 9 made ${small} bytes, level 1 made ${fast}`);
  for (const level of ["0", "20", "3.5", "high"]) {
    const { code, stderr } = await sandbox.dockform([
      "volume",
      "snapshot",
      from.name,
      "--level",
      level,
    ]);
    assert.equal(code, 2);
    assert.match(stderr, /1 to 19/);
  }
});

test("--format tar writes X.tar beside X.json", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  await writeFiles(from.folder, { file: "content" });
  const { archive, sidecarPath, sidecar } = await sandbox.snapshot(from.name, ["--format", "tar"]);
  assert.match(basename(archive), /__spec-[0-9a-f]{8}\.tar$/);
  assert.equal(sidecarPath, sidecarOf(archive));
  assert.deepEqual(sidecar["checksum"], { algo: "sha256", tar: await sha256Of(archive) });
  assert.equal(sidecar["stored_bytes"], sidecar["uncompressed_bytes"]);
  assert.deepEqual(await run("tar", ["-xOf", archive, "./file"]), Buffer.from("content"));
});

test("snapshots lie beside the manifest, wherever the command is run", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  await sandbox.declare(from.name);
  const cwd = sandbox.path("elsewhere");
  await mkdir(cwd);
  for (const manifest of ["../dockform.yml", sandbox.folder]) {
    const { archive } = await sandbox.snapshot(from.name, ["-m", manifest], { cwd });
    assert.equal(dirname(archive), sandbox.path(".dockform/snapshots", from.name));
  }
  assert.deepEqual(await readdir(cwd), []);
});

test("-o names another folder, from where the command is run", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  await sandbox.declare(from.name);
  const cwd = sandbox.path("elsewhere");
  await mkdir(cwd);
  const { archive } = await sandbox.snapshot(from.name, ["-m", "..", "-o", "a/b"], { cwd });
  assert.equal(dirname(archive), join(cwd, "a/b", from.name));
  assert.deepEqual(await readdir(sandbox.folder), ["dockform.yml", "elsewhere", "tmp"]);
});

test("without a manifest snapshots go into ./.dockform/snapshots", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  const { archive, sidecar } = await sandbox.snapshot(from.name);
  assert.equal(dirname(archive), sandbox.path(".dockform/snapshots", from.name));
  assert.equal(sidecar["context"], "default");
});

test("with several contexts each has a folder of its own", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  const volumes = { [from.name]: {} };
  await sandbox.manifest({
    identifier: sandbox.prefix,
    contexts: { default: { volumes }, second: { host, volumes } },
  });
  const reference = `second/${from.name}`;
  const { archive, sidecar } = await sandbox.snapshot(reference);
  assert.equal(dirname(archive), sandbox.path(".dockform/snapshots/second", from.name));
  assert.equal(sidecar["context"], "second");
  const first = await sandbox.snapshot(`default/${from.name}`);
  assert.equal(dirname(first.archive), sandbox.path(".dockform/snapshots/default", from.name));
  const result = await sandbox.dockform(["volume", "snapshot", from.name, "--json"]);
  assertError(result, { exitCode: 2, message: new RegExp(from.name), hint: /\// });
});

test("snapshots within one second do not overwrite each other", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  await writeFiles(from.folder, { file: "content" });
  const made = await Promise.all([1, 2, 3, 4].map(() => sandbox.snapshot(from.name)));
  const archives = new Set(made.map(({ archive }) => archive));
  assert.equal(archives.size, 4);
  for (const { archive, sidecarPath, sidecar } of made) {
    assert.deepEqual(await readJson(sidecarPath), sidecar);
    assert.deepEqual(sidecar["checksum"], { algo: "sha256", tar_zst: await sha256Of(archive) });
  }
  const folder = sandbox.path(".dockform/snapshots", from.name);
  assert.equal((await readdir(folder)).length, 8);
});

test("a volume without a file is a snapshot, too", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  const { archive, sidecar } = await sandbox.snapshot(from.name);
  assert.equal(sidecar["file_count"], 0);
  assert.equal(sidecar["entry_count"], 1);
  const tar = sandbox.path("plain.tar");
  await run("zstd", ["-dq", archive, "-o", tar]);
  assert.equal((await run("tar", ["-tf", tar])).toString(), "./\n");
});

test(
  "further names of symbolic links are counted as those of files, and kept contents are not",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const from = await sandbox.volume("from");
    await writeFiles(from.folder, { file: "content", ".dockform-kept/about": "kept" });
    const links =
      "ln -s file one; ln -P one two; cd .dockform-kept; ln -s x a; ln -P a b; ln -P a c";
    await run("sh", ["-euc", links], { cwd: from.folder });
    const { archive, sidecar } = await sandbox.snapshot(from.name);
    assert.equal(sidecar["file_count"], 2);
    assert.equal(sidecar["entry_count"], 4);
    const { code, stderr } = await sandbox.dockform(["snapshot", "verify", archive]);
    assert.equal(code, 0, stderr);
  },
);

test("a machine may have as many cores as zstd takes threads", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  const main = await sandbox.flawed('zstd() { command zstd "$@" --threads=256; }');
  await sandbox.snapshot(from.name, [], { main });
});

test("a running container that can write is named in a warning", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  const definition = await sandbox.waiting(from.name);
  const labels = { "com.docker.compose.project": "shop", "com.docker.compose.service": "db" };
  const writer = await sandbox.running(
    "writer",
    await sandbox.waiting(from.name, { Labels: labels }),
  );
  const reader = await sandbox.running(
    "reader",
    await sandbox.waiting(from.name, {
      hostConfig: {
        Mounts: [{ Type: "volume", Source: from.name, Target: "/data", ReadOnly: true }],
      },
    }),
  );
  const paused = await sandbox.running("paused", definition);
  await pauseContainer(sandbox.engine, paused.id);
  const exited = await sandbox.running("exited", definition);
  await stopContainer(sandbox.engine, exited.id);
  const ids = [writer, reader, paused, exited].map(({ id }) => id);
  const before = await sandbox.evidence(from.folder, ids);

  const { sidecar, stderr } = await sandbox.snapshot(from.name);
  const warning = `warning: ${writer.name} (service db of shop) is running and can write to volume "${from.name}"`;
  assert.ok(stderr.includes(warning), stderr);
  for (const { name } of [reader, paused, exited]) assert.equal(stderr.includes(name), false);
  const users: readonly { name: string; state: string; read_write: boolean }[] = JSON.parse(
    JSON.stringify(sidecar["containers"]),
  );
  const told = users.map((user) => `${user.name} ${user.state} ${String(user.read_write)}`);
  assert.deepEqual(told.toSorted(), [
    `${exited.name} exited true`,
    `${paused.name} paused true`,
    `${reader.name} running false`,
    `${writer.name} running true`,
  ]);
  assertUntouched(before, await sandbox.evidence(from.folder, ids));
});

test(
  "files that change or vanish while they are read are warnings",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const from = await sandbox.volume("from");
    const files = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`small-${i}`, "x"]));
    await writeFiles(from.folder, { ...files, large: randomBytes(128 << 20) });
    const snapshot = sandbox.start(["volume", "snapshot", from.name, "--json"]);
    const folder = sandbox.path(".dockform/snapshots", from.name);
    await snapshot.until("data arrives", async () => {
      const [file] = await readdir(folder).catch(() => []);
      return file !== undefined && (await stat(join(folder, file))).size > 0;
    });
    await snapshot.whileStopped(async () => {
      await writeFile(join(from.folder, "large"), "more", { flag: "a" });
      await run("find", [from.folder, "-name", "small-*", "-delete"]);
    });
    const { code, stdout, stderr } = await snapshot.ended;
    assert.equal(code, 0, stderr);
    const { snapshots }: { snapshots: { archive: string; sidecar: { warnings: string[] } }[] } =
      JSON.parse(stdout);
    const [made] = snapshots;
    assert.ok(made);
    const { warnings } = made.sidecar;
    assert.ok(
      warnings.some((line) => /^large\b.*: file changed as we read it$/.test(line)),
      stderr,
    );
    assert.ok(
      warnings.some((line) => /^small-\d+\b.*: File removed before we read it$/.test(line)),
      stderr,
    );
    for (const warning of warnings) assert.ok(stderr.includes(`warning: ${from.name}: ${warning}`));
    assert.deepEqual(await readJson(sidecarOf(made.archive)), made.sidecar);
    const into = await sandbox.volume("into");
    await sandbox.restore(into.name, made.archive, ["--undeclared"]);
    assert.ok((await readFile(join(into.folder, "large"))).length >= 128 << 20);
  },
);
