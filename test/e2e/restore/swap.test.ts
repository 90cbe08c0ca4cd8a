import assert from "node:assert/strict";
import { existsSync, linkSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  inspectContainer,
  removeContainer,
  startContainer,
} from "../../../src/engine/containers.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { Sandbox } from "../harness.ts";
import { until, type CliProcess } from "../cli-process.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

/** So many that moving them out takes longer than it takes to notice. */
const ENTRIES = 20_000;

/** Many entries, every name of which is in old and new contents alike: names of one file, to be quick. */
async function manyEntries(folder: string, content: string): Promise<void> {
  await mkdir(join(folder, "aa-folder"));
  const file = join(folder, "aa-folder", "file");
  await writeFile(file, content);
  for (let i = 0; i < ENTRIES; i += 1) linkSync(file, join(folder, `entry-${i}`));
}

/** What a volume holds: "old" or "new" throughout, or else what is mixed up in it. */
async function contentsOf(folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith(".dockform-aside-"));
  if (names.length !== ENTRIES + 1) return `${names.length} entries`;
  const found = new Set<string>();
  for (const name of names) {
    const file = name === "aa-folder" ? join(name, "file") : name;
    found.add(await readFile(join(folder, file), "utf8"));
  }
  return [...found].toSorted().join(" and ");
}

interface Restore {
  readonly into: TestVolume;
  readonly userId: string;
  readonly process: CliProcess;
}

async function startRestore(sandbox: Sandbox): Promise<Restore> {
  const from = await sandbox.volume("from");
  const into = await sandbox.volume("into");
  await manyEntries(from.folder, "new");
  await manyEntries(into.folder, "old");
  const { archive } = await sandbox.snapshot(from.name);
  const user = await sandbox.running("user", await sandbox.waiting(into.name));
  const flags = ["--undeclared", "--force", "--stop-containers", "--health-timeout", "0"];
  const process = sandbox.start([
    "volume",
    "restore",
    into.name,
    archive,
    "--from-volume",
    from.name,
    ...flags,
  ]);
  return { into, userId: user.id, process };
}

/** The folder that the old entries are being moved into, as soon as some are in it. */
async function movingOut({ into, process }: Restore): Promise<void> {
  await process.until("old entries are moved out", async () => {
    const names = await readdir(into.folder);
    const staging = names.find((name) => name.startsWith(".dockform-"));
    if (staging === undefined) return false;
    const out = await readdir(join(into.folder, staging, "old.partial/contents")).catch(() => []);
    return out.length > 0;
  });
}

test(
  "a helper that dies while old entries are moved out is followed by another",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const restore = await startRestore(sandbox);
    await movingOut(restore);
    for (const helper of await sandbox.helpers()) await removeContainer(sandbox.engine, helper);
    const { code, stderr } = await restore.process.ended;
    assert.equal(await contentsOf(restore.into.folder), code === 0 ? "new" : "old", stderr);
    assert.equal(await sandbox.state(restore.userId), "running", stderr);
    await until("the helpers are gone", async () => (await sandbox.helpers()).length === 0);
  },
);

test(
  "a client that is killed in the middle of a swap does not cut it in two",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const restore = await startRestore(sandbox);
    await movingOut(restore);
    restore.process.signal("SIGKILL");
    await restore.process.ended;
    await sandbox.helpersEnded();
    const names = await readdir(restore.into.folder);
    const staging = names.find((name) => name.startsWith(".dockform-")) ?? "";
    const old = await readdir(join(restore.into.folder, staging, "old/contents"));
    assert.equal(old.length, ENTRIES + 1, "the old contents are kept whole");
    assert.equal(names.length, ENTRIES + 2, "the new contents are in place");
    assert.equal(await sandbox.state(restore.userId), "exited");
    const { code, stderr } = await sandbox.dockform([
      "volume",
      "recover",
      restore.into.name,
      "--health-timeout",
      "0",
    ]);
    assert.equal(code, 0, stderr);
    assert.equal(await contentsOf(restore.into.folder), "new");
    assert.equal(await sandbox.state(restore.userId), "running");
    assert.deepEqual(await sandbox.helpers(), []);
  },
);

test(
  "a container that is started during the swap is started again after it",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const restore = await startRestore(sandbox);
    await movingOut(restore);
    await startContainer(sandbox.engine, restore.userId);
    const { State: during } = await inspectContainer(sandbox.engine, restore.userId);
    const { code, stderr } = await restore.process.ended;
    assert.equal(code, 0, stderr);
    assert.match(stderr, /was started during the swap: it is stopped and started again/);
    assert.equal(await contentsOf(restore.into.folder), "new");
    const { State: after } = await inspectContainer(sandbox.engine, restore.userId);
    assert.equal(after.Status, "running");
    assert.notEqual(after.StartedAt, during.StartedAt);
  },
);

test(
  "somebody who writes into the volume in the middle of a swap destroys nothing",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const restore = await startRestore(sandbox);
    const folder = join(restore.into.folder, "aa-folder");
    // In one step, for it may be set aside at once.
    const made = join(restore.into.folder, "../made");
    mkdirSync(made);
    writeFileSync(join(made, "foreign"), "foreign");
    await restore.process.until("the folder is out", () => {
      if (existsSync(folder)) return false;
      renameSync(made, folder);
      return true;
    });
    const { code, stderr } = await restore.process.ended;
    assert.equal(await contentsOf(restore.into.folder), code === 0 ? "new" : "old", stderr);
    assert.equal(await sandbox.state(restore.userId), "running", stderr);
    const [, aside = ""] = /set aside in its folder (\S+)\. /m.exec(stderr) ?? [];
    const kept = join(restore.into.folder, aside, "aa-folder/foreign");
    assert.equal(await readFile(kept, "utf8"), "foreign", stderr);
  },
);
