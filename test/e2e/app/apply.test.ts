import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { inspectVolume, type EngineVolume } from "../../../src/engine/volumes.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { assertError, writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import { onTerminal } from "../terminal.ts";

const engine = await testEngine();
const { skip, skipUnlessPrivate } = engine;
const LABEL = "io.dockform.identifier";

test(
  "apply creates what is missing as declared, and the second time changes nothing",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const [plain, special] = [sandbox.name("plain"), sandbox.name("special")];
    await sandbox.manifest({
      docker: { context: "default", identifier: sandbox.prefix },
      volumes: {
        [plain]: null,
        [special]: {
          driver: "local",
          driver_opts: { type: "tmpfs", device: "tmpfs", o: "size=1m" },
          labels: { tier: "scratch", count: 3 },
        },
      },
    });
    const first = await sandbox.dockform(["apply", "--json"]);
    assert.equal(first.code, 0, first.stderr);
    assert.deepEqual(JSON.parse(first.stdout), {
      created: [
        { context: "default", volume: plain },
        { context: "default", volume: special },
      ],
      removed: [],
      failures: [],
      failed_contexts: [],
    });
    const made = await volumes(sandbox, plain, special);
    assert.deepEqual(made[0]?.labels, { [LABEL]: sandbox.prefix });
    assert.deepEqual(made[0]?.driverOpts, {});
    assert.deepEqual(made[1]?.labels, { [LABEL]: sandbox.prefix, tier: "scratch", count: "3" });
    assert.deepEqual(made[1]?.driverOpts, { type: "tmpfs", device: "tmpfs", o: "size=1m" });

    const second = await sandbox.dockform(["apply", "--json"]);
    assert.equal(second.code, 0, second.stderr);
    assert.deepEqual(JSON.parse(second.stdout), {
      created: [],
      removed: [],
      failures: [],
      failed_contexts: [],
    });
    assert.deepEqual(await volumes(sandbox, plain, special), made);
  },
);

test(
  "apply leaves alone what differs from its declaration, and what is not declared any more",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const labels = { [LABEL]: sandbox.prefix };
    const differs = await sandbox.volume("differs", { labels });
    const orphan = await sandbox.volume("orphan", { labels });
    await writeFiles(differs.folder, { file: "x" });
    const before = await volumes(sandbox, differs.name, orphan.name);
    await sandbox.manifest({
      identifier: sandbox.prefix,
      volumes: { [differs.name]: { labels: { tier: "gold" } } },
    });
    const apply = await sandbox.dockform(["apply"]);
    assert.equal(apply.code, 0, apply.stderr);
    assert.match(apply.stderr, /differs, left alone: label tier is not set, declared "gold"/);
    assert.match(apply.stderr, new RegExp(`${orphan.name}: no longer declared, kept`));
    assert.deepEqual(await volumes(sandbox, differs.name, orphan.name), before);
    assert.deepEqual(await readdir(differs.folder), ["file"]);
  },
);

test(
  "apply --prune snapshots a volume that is not declared any more, then removes it",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const orphan = await sandbox.volume("orphan", { labels: { [LABEL]: sandbox.prefix } });
    const others = await sandbox.volume("others", {
      labels: { [LABEL]: `${sandbox.prefix}-other` },
    });
    await writeFiles(orphan.folder, { "folder/file": "precious" });
    await sandbox.declare(sandbox.name("kept"));
    const apply = await sandbox.dockform(["apply", "--prune", "--skip-confirmation", "--json"]);
    assert.equal(apply.code, 0, apply.stderr);
    assert.match(apply.stderr, new RegExp(`- ${orphan.name}: no longer declared, removed after`));
    const { removed } = JSON.parse(apply.stdout);
    assert.equal(removed.length, 1);
    assert.equal(removed[0].volume, orphan.name);
    const sidecar = await readFile(removed[0].snapshot.replace(/\.tar\.zst$/, ".json"), "utf8");
    assert.equal(JSON.parse(sidecar).notes, "before apply --prune");
    assert.equal(await sandbox.volumeExists(orphan.name), false);
    assert.equal(await sandbox.volumeExists(others.name), true);

    const back = await sandbox.volume("back");
    const restore = ["volume", "restore", back.name, removed[0].snapshot, "--undeclared"];
    restore.push("--from-volume", orphan.name);
    assert.equal((await sandbox.dockform(restore)).code, 0);
    assert.equal(await readFile(join(back.folder, "folder/file"), "utf8"), "precious");
  },
);

test(
  "apply --prune keeps a volume of which no snapshot can be written",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const orphan = await sandbox.volume("orphan", { labels: { [LABEL]: sandbox.prefix } });
    await writeFiles(orphan.folder, { file: "precious" });
    const created = sandbox.name("created");
    await sandbox.declare(created);
    // Where the snapshots should go, there is a file.
    await writeFile(sandbox.path(".dockform"), "");
    const apply = await sandbox.dockform(["apply", "--prune", "--skip-confirmation", "--json"]);
    assert.equal(apply.code, 1, apply.stderr);
    // What was done is told beside what failed.
    const done = JSON.parse(apply.stdout);
    assert.deepEqual(done.created, [{ context: "default", volume: created }]);
    assert.deepEqual(done.removed, []);
    assert.equal(done.failures[0].volume, orphan.name);
    assert.match(done.failures[0].error.message, /cannot write/);
    assert.match(apply.stderr, /error: .*cannot write/);
    assert.equal(await readFile(join(orphan.folder, "file"), "utf8"), "precious");
  },
);

test("without a terminal to ask on, apply --prune changes nothing", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const orphan = await sandbox.volume("orphan", { labels: { [LABEL]: sandbox.prefix } });
  const missing = sandbox.name("missing");
  await sandbox.declare(missing);
  const apply = await sandbox.dockform(["apply", "--prune", "--json"]);
  assertError(apply, { exitCode: 3, message: /no terminal/, hint: /--skip-confirmation/ });
  assert.equal(await sandbox.volumeExists(orphan.name), true);
  assert.equal(await sandbox.volumeExists(missing), false);
});

test(
  "on a terminal, apply --prune goes on after yes and stops after another word",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const orphan = await sandbox.volume("orphan", { labels: { [LABEL]: sandbox.prefix } });
    await sandbox.declare(sandbox.name("declared"));
    const prune = async (keys: string): Promise<number | null> => {
      const under = await onTerminal({ question: "to continue:", keys });
      return (await sandbox.dockform(["apply", "--prune"], { under })).code;
    };
    assert.equal(await prune("no\n"), 3);
    assert.equal(await prune("\n"), 3);
    assert.equal(await sandbox.volumeExists(orphan.name), true);
    assert.equal(await prune("yes\n"), 0);
    assert.equal(await sandbox.volumeExists(orphan.name), false);
  },
);

test(
  "apply --prune refuses a volume that a container uses, before it changes anything",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const labels = { [LABEL]: sandbox.prefix };
    const free = await sandbox.volume("a-free", { labels });
    const used = await sandbox.volume("b-used", { labels });
    const missing = sandbox.name("missing");
    const user = await sandbox.container("user", await sandbox.waiting(used.name));
    await sandbox.declare(missing);
    const apply = await sandbox.dockform(["apply", "--prune", "--skip-confirmation", "--json"]);
    const message = new RegExp(`using volume "${used.name}": ${user.name}`);
    assertError(apply, { exitCode: 3, message, hint: /./ });
    assert.equal(await sandbox.volumeExists(free.name), true);
    assert.equal(await sandbox.volumeExists(missing), false);
  },
);

/** Everything the engine says of volumes. */
function volumes(
  sandbox: Sandbox,
  ...names: readonly string[]
): Promise<readonly (EngineVolume | undefined)[]> {
  return Promise.all(names.map((name) => inspectVolume(sandbox.engine, name)));
}
