import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { EngineClient } from "../../../src/engine/client.ts";
import { removeContainer } from "../../../src/engine/containers.ts";
import { createVolume, inspectVolume } from "../../../src/engine/volumes.ts";
import { startPrivateEngine, type PrivateEngine } from "../../engine/private-engine.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { describeTree, differences, makeOddTree } from "../../oracle/tree.ts";
import { assertError, writeFiles } from "../archives.ts";
import { FileSystem } from "../file-system.ts";
import { Sandbox } from "../harness.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

/** A socket has no place in an archive. */
const LEFT_OUT = ["./special/socket: missing (socket)"];

/** Where a volume's files are on an engine. */
function folderOn(engine: PrivateEngine, volume: string): string {
  return join(engine.dataRoot, "volumes", volume, "_data");
}

/** A manifest of two engines, `default` and `other`, that declares nothing. */
async function twoEngines(sandbox: Sandbox, other: PrivateEngine): Promise<void> {
  await sandbox.manifest({
    identifier: sandbox.prefix,
    contexts: { default: { host }, other: { host: other.host } },
  });
}

test(
  "every kind of entry is copied to another engine, into a volume made like it",
  { skip },
  async () => {
    await using other = await startPrivateEngine();
    await using sandbox = await Sandbox.create(host);
    await twoEngines(sandbox, other);
    const from = await sandbox.volume("from", { labels: { tier: "gold" } });
    await makeOddTree(from.folder, { smallFiles: 300 });
    const before = await describeTree(from.folder);
    const copy = ["volume", "copy", `default/${from.name}`, `other/${from.name}`, "--json"];
    const { code, stdout, stderr } = await sandbox.dockform([...copy, "--verify"]);
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).created_volume, true);
    const copied = folderOn(other, from.name);
    assert.deepEqual(differences(before, await describeTree(copied)), LEFT_OUT);
    assert.deepEqual(differences(before, await describeTree(from.folder)), []);
    const client = new EngineClient({ context: "other", host: other.host });
    assert.deepEqual((await inspectVolume(client, from.name))?.labels, { tier: "gold" });
    client.close();

    // What is there is not replaced unasked, and the other way is the same.
    assertError(await sandbox.dockform(copy), {
      exitCode: 3,
      message: /is not empty/,
      hint: /--force/,
    });
    await writeFiles(copied, { "later/file": "later" });
    const back = ["volume", "copy", `other/${from.name}`, `default/${from.name}`];
    const returned = await sandbox.dockform([...back, "--force", "--undeclared"]);
    assert.equal(returned.code, 0, returned.stderr);
    assert.equal(await readFile(join(from.folder, "later/file"), "utf8"), "later");
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test(
  "a clone on one engine goes into service with its users stopped for the swap alone",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const [from, into] = [await sandbox.volume("from"), await sandbox.volume("into")];
    await writeFiles(from.folder, { file: "new" });
    await writeFiles(into.folder, { file: "old" });
    const service = await sandbox.running("service", await sandbox.waiting(into.name));
    const copy = ["volume", "copy", from.name, into.name, "--undeclared", "--force", "--json"];
    assertError(await sandbox.dockform(copy), {
      exitCode: 3,
      message: /containers are using/,
      hint: /--stop-containers/,
    });
    const dry = await sandbox.dockform([...copy, "--stop-containers", "--dry-run"]);
    assert.equal(JSON.parse(dry.stdout).uncompressed_bytes, null);
    assert.equal(await readFile(join(into.folder, "file"), "utf8"), "old");
    const { code, stdout, stderr } = await sandbox.dockform([...copy, "--stop-containers"]);
    assert.equal(code, 0, stderr);
    assert.equal(await readFile(join(into.folder, "file"), "utf8"), "new");
    assert.equal(await sandbox.state(service.id), "running");
    assert.equal(JSON.parse(stdout).containers.length, 1);
    const kept = await sandbox.dockform([...copy, "--stop-containers", "--keep-previous"]);
    assert.equal(JSON.parse(kept.stdout).kept_previous, true);
    const undo = ["volume", "undo", into.name, "--undeclared", "--stop-containers"];
    assert.equal((await sandbox.dockform(undo)).code, 0);
    const discard = ["volume", "undo", into.name, "--undeclared", "--discard"];
    assert.equal((await sandbox.dockform([...discard, "--skip-confirmation"])).code, 0);
    const itself = ["volume", "copy", from.name, from.name, "--json"];
    assertError(await sandbox.dockform(itself), {
      exitCode: 3,
      message: /are one volume/,
      hint: /another/,
    });
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test("a target without room keeps what it held", { skip }, async () => {
  await using disk = await FileSystem.create({ bytes: 16 << 20 });
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  await writeFiles(from.folder, { large: Buffer.alloc(20 << 20, "x").toString() });
  const driverOpts = { type: "none", o: "bind", device: disk.folder };
  const into = await sandbox.volume("into", { driverOpts });
  await writeFiles(disk.folder, { file: "old" });
  const copy = ["volume", "copy", from.name, into.name, "--undeclared", "--force", "--json"];
  const result = await sandbox.dockform(copy);
  assertError(result, {
    exitCode: 3,
    message: /holds more than the .* has room for/,
    hint: /Make room/,
  });
  assert.deepEqual(
    (await describeTree(disk.folder)).map(({ path }) => path),
    [".", "./file"],
  );
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test(
  "when the source's engine dies half-way, the target holds what it held",
  { skip },
  async () => {
    await using other = await startPrivateEngine();
    await using sandbox = await Sandbox.create(host);
    await twoEngines(sandbox, other);
    const into = await sandbox.volume("into");
    await writeFiles(into.folder, { file: "old" });
    const client = new EngineClient({ context: "other", host: other.host });
    await createVolume(client, { name: into.name, driver: "local", driverOpts: {}, labels: {} });
    client.close();
    await writeFile(join(folderOn(other, into.name), "large"), randomBytes(512 << 20));
    const names = [`other/${into.name}`, `default/${into.name}`];
    const copying = sandbox.start(["volume", "copy", ...names, "--force", "--undeclared", "-v"]);
    await copying.said("phase: extract");
    await other.crash();
    const { code, stderr } = await copying.ended;
    assert.notEqual(code, 0, stderr);
    const recovered = await sandbox.dockform(["volume", "recover", `default/${into.name}`]);
    assert.equal(recovered.code, 0, recovered.stderr);
    assert.deepEqual(
      (await describeTree(into.folder)).map(({ path }) => path),
      [".", "./file"],
    );
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test(
  "a move removes the source once the copy was compared with it, and not before",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const from = await sandbox.volume("from");
    await makeOddTree(from.folder);
    const before = await describeTree(from.folder);
    const into = sandbox.name("into");
    const move = ["volume", "move", from.name, into, "--skip-confirmation", "--json"];
    const user = await sandbox.container("user", await sandbox.waiting(from.name));
    assertError(await sandbox.dockform(move), {
      exitCode: 3,
      message: /containers are using/,
      hint: /No volume was removed/,
    });
    await removeContainer(sandbox.engine, user.id);
    const unasked = ["volume", "move", from.name, into, "--json"];
    assertError(await sandbox.dockform(unasked), {
      exitCode: 3,
      message: /no terminal to ask for confirmation/,
      hint: /--skip-confirmation/,
    });
    const { code, stdout, stderr } = await sandbox.dockform(move);
    assert.equal(code, 0, stderr);
    assert.equal(JSON.parse(stdout).removed_source, true);
    assert.equal(await sandbox.volumeExists(from.name), false);
    const moved = join(from.folder, "../..", into, "_data");
    assert.deepEqual(differences(before, await describeTree(moved)), LEFT_OUT);
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);
