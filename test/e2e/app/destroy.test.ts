import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { assertError, writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import type { TestVolume } from "../engine-objects.ts";
import { onTerminal } from "../terminal.ts";

const engine = await testEngine();
const { skip, skipUnlessPrivate } = engine;
const LABEL = "io.dockform.identifier";
const CTRL_C = "\u0003";
const CTRL_D = "\u0004";

/** Two volumes of the manifest with a file each, and one that is nobody's. */
async function destroyable(
  sandbox: Sandbox,
): Promise<{ readonly ours: readonly TestVolume[]; readonly foreign: TestVolume }> {
  const labels = { [LABEL]: sandbox.prefix };
  const declared = await sandbox.volume("declared", { labels });
  const orphan = await sandbox.volume("orphan", { labels });
  const foreign = await sandbox.volume("foreign");
  for (const { folder } of [declared, orphan, foreign]) await writeFiles(folder, { file: "x" });
  await sandbox.declare(declared.name, foreign.name);
  return { ours: [declared, orphan], foreign };
}

async function whichExist(sandbox: Sandbox, all: readonly TestVolume[]): Promise<boolean[]> {
  return Promise.all(all.map(({ name }) => sandbox.volumeExists(name)));
}

test(
  "destroy asks for the identifier, snapshots and removes what has the label, and nothing else",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const { ours, foreign } = await destroyable(sandbox);
    const keys = `${sandbox.prefix}\n`;
    const under = await onTerminal({ question: `(${sandbox.prefix}) to continue:`, keys });
    const destroy = await sandbox.dockform(["destroy"], { under });
    assert.equal(destroy.code, 0, destroy.stdout);
    assert.match(destroy.stdout, /Removed 2 volumes\./);
    assert.deepEqual(await whichExist(sandbox, [...ours, foreign]), [false, false, true]);
    for (const { name } of ours) {
      const files = await readdir(sandbox.path(".dockform", "snapshots", name));
      assert.deepEqual(
        files.map((file) => file.replace(/^.*\.(json|tar\.zst)$/, "$1")).toSorted(),
        ["json", "tar.zst"],
      );
    }
  },
);

for (const [what, keys, code] of [
  ["another word", "yes\n", 3],
  ["Ctrl-D", CTRL_D, 3],
  ["Ctrl-C", CTRL_C, 130],
] as const) {
  test(`destroy does nothing when the answer is ${what}`, { skip: skipUnlessPrivate }, async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const { ours } = await destroyable(sandbox);
    const under = await onTerminal({ question: "to continue:", keys });
    const destroy = await sandbox.dockform(["destroy"], { under });
    assert.doesNotMatch(destroy.stdout, /unexpected|defect/);
    assert.equal(destroy.code, code, destroy.stdout);
    assert.deepEqual(await whichExist(sandbox, ours), [true, true]);
  });
}

test("destroy --no-snapshot removes without one", { skip: skipUnlessPrivate }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const { ours } = await destroyable(sandbox);
  const args = ["destroy", "--no-snapshot", "--skip-confirmation", "--json"];
  const destroy = await sandbox.dockform(args);
  assert.equal(destroy.code, 0, destroy.stderr);
  assert.deepEqual(
    JSON.parse(destroy.stdout).removed.map((one: Record<string, unknown>) => one["snapshot"]),
    [null, null],
  );
  assert.deepEqual(await whichExist(sandbox, ours), [false, false]);
  assert.ok(!(await readdir(sandbox.folder)).includes(".dockform"));
});

test(
  "destroy refuses while a container uses one of the volumes, before it removes any",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const { ours } = await destroyable(sandbox);
    const [, last] = ours;
    const user = await sandbox.running("user", await sandbox.waiting(last?.name ?? ""));
    const destroy = await sandbox.dockform(["destroy", "--skip-confirmation", "--json"]);
    assertError(destroy, {
      exitCode: 3,
      message: new RegExp(user.name),
      hint: /No volume was removed/,
    });
    assert.deepEqual(await whichExist(sandbox, ours), [true, true]);
  },
);

test(
  "destroy without a terminal wants --skip-confirmation",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const { ours } = await destroyable(sandbox);
    for (const more of [[], ["--no-snapshot"]]) {
      const destroy = await sandbox.dockform(["destroy", "--json", ...more]);
      assertError(destroy, { exitCode: 3, message: /no terminal/, hint: /--skip-confirmation/ });
    }
    assert.deepEqual(await whichExist(sandbox, ours), [true, true]);
  },
);

test(
  "destroy keeps the volumes when a snapshot cannot be written",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const { ours } = await destroyable(sandbox);
    await writeFile(sandbox.path(".dockform"), "");
    const destroy = await sandbox.dockform(["destroy", "--skip-confirmation", "--json"]);
    assertError(destroy, { exitCode: 1, message: /cannot write/, hint: /./ });
    assert.deepEqual(await whichExist(sandbox, ours), [true, true]);
  },
);

test("destroy has nothing to ask where no volume has the label", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const foreign = await sandbox.volume("foreign");
  await sandbox.declare(foreign.name);
  const destroy = await sandbox.dockform(["destroy"]);
  assert.equal(destroy.code, 0, destroy.stderr);
  assert.equal(destroy.stdout, `There are no volumes labelled ${sandbox.prefix}.\n`);
  assert.equal(await sandbox.volumeExists(foreign.name), true);
});
