import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { inspectContainer, removeContainer } from "../../../src/engine/containers.ts";
import { removeVolume } from "../../../src/engine/volumes.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { describeTree, differences } from "../../oracle/tree.ts";
import { assertError, packFiles, writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

const KEEP = ["--force", "--stop-containers", "--keep-previous", "--health-timeout", "0"];
const UNDO = ["--stop-containers", "--health-timeout", "0"];

interface Setting {
  readonly into: TestVolume;
  readonly userId: string;
}

/** A volume whose contents "one" were replaced by "two", and are kept; a container uses it. */
async function setUp(sandbox: Sandbox): Promise<Setting> {
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { "folder/file": "one", only: "one" });
  await sandbox.declare(into.name);
  const user = await sandbox.running("user", await sandbox.waiting(into.name));
  const archive = await packFiles(sandbox.folder, { "folder/file": "two" });
  await sandbox.restore(into.name, archive, KEEP);
  return { into, userId: user.id };
}

async function visible(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => name !== ".dockform-kept").toSorted();
}

test("what a restore replaced comes back, and goes forth again", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { into, userId } = await setUp(sandbox);
  assert.deepEqual(await visible(into.folder), ["folder"]);
  const startedAt = (await inspectContainer(sandbox.engine, userId)).State.StartedAt;
  const back = await sandbox.dockform(["volume", "undo", into.name, ...UNDO]);
  assert.equal(back.code, 0, back.stderr);
  assert.match(back.stdout, /^Put back what .* held until .*\n.*: down for /);
  assert.deepEqual(await visible(into.folder), ["folder", "only"]);
  assert.equal(await readFile(join(into.folder, "folder/file"), "utf8"), "one");
  assert.equal(await sandbox.state(userId), "running");
  assert.notEqual((await inspectContainer(sandbox.engine, userId)).State.StartedAt, startedAt);
  const forth = await sandbox.dockform(["volume", "undo", into.name, ...UNDO]);
  assert.equal(forth.code, 0, forth.stderr);
  assert.deepEqual(await visible(into.folder), ["folder"]);
  assert.equal(await readFile(join(into.folder, "folder/file"), "utf8"), "two");
});

test("what comes back is the tree that was there, root folder included", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { "folder/file": "one" });
  await sandbox.declare(into.name);
  const before = await describeTree(into.folder);
  await sandbox.restore(into.name, await packFiles(sandbox.folder, { file: "two" }), KEEP);
  for (let i = 0; i < 3; i += 1) {
    const undo = await sandbox.dockform(["volume", "undo", into.name, ...UNDO]);
    assert.equal(undo.code, 0, undo.stderr);
  }
  const isKept = (path: string): boolean => path.startsWith("./.dockform-kept");
  const after = (await describeTree(into.folder)).filter(({ path }) => !isKept(path));
  assert.deepEqual(differences(before, after), []);
});

test(
  "volume list shows what is kept and its size; a snapshot does not hold it",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { into } = await setUp(sandbox);
    const { stdout } = await sandbox.dockform(["volume", "list"]);
    assert.match(stdout, /KEPT/);
    assert.match(stdout, new RegExp(`${into.name} .*\\d kB +${sandbox.prefix}-user`));
    const json = await sandbox.dockform(["volume", "list", "--json"]);
    const { volumes }: { volumes: { volume: string; kept: { bytes: number } | null }[] } =
      JSON.parse(json.stdout);
    const kept = volumes.find(({ volume }) => volume === into.name)?.kept;
    assert.ok((kept?.bytes ?? 0) > 0, json.stdout);
    const { sidecar } = await sandbox.snapshot(into.name);
    assert.equal(sidecar["file_count"], 1);
  },
);

test(
  "what could not be kept in the end is not said to be, and a recovery keeps it",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const into = await sandbox.volume("into");
    await writeFiles(into.folder, { only: "one" });
    await sandbox.declare(into.name);
    const archive = await packFiles(sandbox.folder, { file: "two" });
    const main = await sandbox.flawed(
      'move() { [ "$*" != "$staging/old $volume/$kept_name" ] && renaming one "$1" "$2"; }',
    );
    const args = ["volume", "restore", into.name, archive, ...KEEP];
    const { code, stdout, stderr } = await sandbox.dockform(args, { main });
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stdout, /To go back/);
    assert.match(stderr, /cannot put away the old contents, .* Run `dockform volume recover/);
    const refused = await sandbox.dockform(["volume", "snapshot", into.name, "--json"]);
    assertError(refused, { exitCode: 3, message: /was interrupted: restore by/, hint: /recover/ });
    const recover = await sandbox.dockform(["volume", "recover", into.name]);
    assert.equal(recover.code, 0, recover.stderr);
    assert.equal((await sandbox.dockform(["volume", "undo", into.name, ...UNDO])).code, 0);
    assert.deepEqual(await visible(into.folder), ["only"]);
  },
);

test("undo is refused like a restore, and changes nothing", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { into, userId } = await setUp(sandbox);
  const before = await sandbox.evidence(into.folder, [userId]);
  const undo = async (...args: readonly string[]) =>
    sandbox.dockform(["volume", "undo", into.name, "--json", ...args]);
  assertError(await undo(), {
    exitCode: 3,
    message: /^containers are using volume/,
    hint: /--stop-containers/,
  });
  await sandbox.declare();
  assertError(await undo(...UNDO), {
    exitCode: 3,
    message: /is not defined in manifest/,
    hint: new RegExp(
      `add --undeclared .* To continue: dockform volume undo ${into.name} .* --undeclared$`,
    ),
  });
  assert.deepEqual(await sandbox.evidence(into.folder, [userId]), before);
  const other = await sandbox.volume("other");
  const nothing = ["volume", "undo", other.name, "--undeclared", "--json"];
  assertError(await sandbox.dockform(nothing), {
    exitCode: 3,
    message: `volume "${other.name}" keeps nothing to go back to`,
    hint: /--keep-previous/,
  });
});

test("what is kept goes when it is discarded, and not without being asked", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { into } = await setUp(sandbox);
  const discard = ["volume", "undo", into.name, "--discard", "--json"];
  assertError(await sandbox.dockform(discard), {
    exitCode: 3,
    message: /no terminal to ask for confirmation/,
    hint: /--skip-confirmation/,
  });
  assert.ok((await readdir(into.folder)).includes(".dockform-kept"));
  const { code, stderr } = await sandbox.dockform([...discard, "--skip-confirmation"]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(await readdir(into.folder), ["folder"]);
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test(
  "a second restore that keeps removes what was kept before only where told to",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { into } = await setUp(sandbox);
    const archive = await packFiles(sandbox.folder, { third: "three" });
    const before = await sandbox.evidence(into.folder, []);
    assertError(
      await sandbox.dockform(["volume", "restore", into.name, archive, ...KEEP, "--json"]),
      {
        exitCode: 3,
        message:
          /keeps contents since .* already, which would be removed once this restore is done$/,
        hint: /To continue: dockform volume restore .* --discard-kept$/,
      },
    );
    assert.deepEqual(await sandbox.evidence(into.folder, []), before);
    const { stderr } = await sandbox.restore(into.name, archive, [...KEEP, "--discard-kept"]);
    assert.match(stderr, /warning: what volume .* keeps .* is removed once this restore is done/);
    const undo = await sandbox.dockform(["volume", "undo", into.name, ...UNDO]);
    assert.equal(undo.code, 0, undo.stderr);
    assert.equal(await readFile(join(into.folder, "folder/file"), "utf8"), "two");
    const helpers = await sandbox.helpers();
    assert.equal(helpers.length, 1, "one record of what is kept");
  },
);

test(
  "a volume that keeps something is removed with what the engine knows of it",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const into = await sandbox.volume("into", {
      labels: { "io.dockform.identifier": sandbox.prefix },
    });
    await writeFiles(into.folder, { file: "one" });
    await sandbox.declare(into.name);
    await sandbox.restore(into.name, await packFiles(sandbox.folder, { file: "two" }), KEEP);
    // A snapshot of the volume would not hold it.
    assertError(await sandbox.dockform(["destroy", "--skip-confirmation", "--json"]), {
      exitCode: 3,
      message: /keeps contents since .*, which a snapshot of it does not hold$/,
      hint: new RegExp(`dockform volume undo ${into.name} --discard`),
    });
    assert.equal(await sandbox.volumeExists(into.name), true);
    const everything = ["destroy", "--skip-confirmation", "--no-snapshot"];
    const { code, stderr } = await sandbox.dockform(everything);
    assert.equal(code, 0, stderr);
    assert.equal(await sandbox.volumeExists(into.name), false);
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test("what a volume kept is forgotten with the volume", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { into, userId } = await setUp(sandbox);
  const listed = async (): Promise<unknown> => {
    const { stdout, stderr, code } = await sandbox.dockform(["volume", "list", "--json"]);
    assert.equal(code, 0, stderr);
    const { volumes }: { volumes: { volume: string; kept: unknown }[] } = JSON.parse(stdout);
    return volumes.find(({ volume }) => volume === into.name)?.kept;
  };
  const doctor = async (): Promise<string> => (await sandbox.dockform(["doctor"])).stdout;
  assert.notEqual(await listed(), null);
  await removeContainer(sandbox.engine, userId);
  await removeVolume(sandbox.engine, into.name);
  assert.equal(await listed(), null);
  assert.match(await doctor(), new RegExp(`volume ${into.name} +the volume no longer exists`));
  // One of the same name within the same second.
  await sandbox.volume("into", { labels: { "io.dockform.identifier": sandbox.prefix } });
  assert.equal(await listed(), null);
  assert.doesNotMatch(await doctor(), new RegExp(`volume ${into.name}`));
  const undo = await sandbox.dockform(["volume", "undo", into.name, "--json"]);
  assertError(undo, { exitCode: 3, message: /keeps nothing/, hint: /--keep-previous/ });
  const destroy = await sandbox.dockform(["destroy", "--skip-confirmation"]);
  assert.equal(destroy.code, 0, destroy.stderr);
});

test("records of a volume that is gone are removed by a recovery", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { into, userId } = await setUp(sandbox);
  await removeContainer(sandbox.engine, userId);
  await removeVolume(sandbox.engine, into.name);
  const recovery = await sandbox.dockform(["volume", "recover", into.name]);
  assert.equal(recovery.code, 0, recovery.stderr);
  assert.match(recovery.stdout, /the volume no longer exists/);
  assert.deepEqual(await sandbox.leftBehind(), []);
});
