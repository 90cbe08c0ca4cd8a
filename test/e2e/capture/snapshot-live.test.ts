/** What of the snapshot commands meets an engine. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { assertError, writeFiles } from "../archives.ts";
import { beforeFlush } from "../flawed-helper.ts";
import { Sandbox } from "../harness.ts";

const engine = await testEngine();
const { skipUnlessPrivate: skip } = engine;

test(
  "a snapshot is verified, compared with the live volume, and restored by latest",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const volume = await sandbox.volume("data");
    await writeFiles(volume.folder, { same: "same", changed: "old", gone: "gone" });
    await sandbox.declare(volume.name);
    await sandbox.snapshot(volume.name);
    const run = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await sandbox.dockform(args);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    assert.match(await run("snapshot", "verify", `${volume.name}@latest`), /^good /);
    const diff = (): Promise<string> => run("snapshot", "diff", `${volume.name}@latest`, "live");
    assert.equal(await diff(), "There is no difference.\n");
    await writeFile(join(volume.folder, "changed"), "new");
    await writeFile(join(volume.folder, "added"), "new");
    const text = await diff();
    assert.match(text, /^\+ added$/m);
    assert.match(text, /^~ changed {2}content; time/m);
    await run("volume", "restore", volume.name, "latest", "--force");
    assert.equal(await readFile(join(volume.folder, "changed"), "utf8"), "old");
    assert.equal(await diff(), "There is no difference.\n");
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test("what was interrupted is not compared, and it is said what to do", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const volume = await sandbox.volume("data");
  await writeFiles(volume.folder, { file: "text" });
  await sandbox.snapshot(volume.name);
  await writeFiles(volume.folder, { ".dockform-0123456789ab/new.partial/file": "text" });
  const args = ["snapshot", "diff", `${volume.name}@latest`, "live", "--json"];
  assertError(await sandbox.dockform(args), {
    exitCode: 3,
    message: /^an operation on volume "\S+" was interrupted: /,
    hint: /volume recover/,
  });
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("verify --deep finds what a restore would not bring back", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const volume = await sandbox.volume("data");
  await writeFiles(volume.folder, { kept: "text", changed: "text" });
  await sandbox.declare(volume.name);
  await sandbox.snapshot(volume.name);
  const args = ["snapshot", "verify", `${volume.name}@latest`];
  const main = await sandbox.flawed(beforeFlush('touch "$contents/changed"'));
  assert.equal((await sandbox.dockform(args, { main })).code, 0);
  const { code, stdout, stderr } = await sandbox.dockform([...args, "--deep"], { main });
  assert.equal(code, 4, stderr);
  assert.match(stdout + stderr, /changed/);
  assert.doesNotMatch(stdout + stderr, /kept/);
  const good = await sandbox.dockform([...args, "--deep"]);
  assert.equal(good.code, 0, good.stderr);
  assert.deepEqual(await sandbox.leftBehind(), []);
});
