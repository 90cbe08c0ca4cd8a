import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, stat, symlink, truncate } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { run } from "../../oracle/host.ts";
import { assertError, writeFiles } from "../archives.ts";
import { FaultyFileSystem, type Faults } from "../faulty-file-system.ts";
import { FileSystem, SMALLEST_BYTES } from "../file-system.ts";
import { Sandbox } from "../harness.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

const LARGE_BYTES = 1_000_000;
/** Within one of the records in which tar reads. */
const BAD_OFFSET = 299_008;

async function snapshotFails(
  sandbox: Sandbox,
  driverOpts: Readonly<Record<string, string>>,
  message: RegExp,
): Promise<void> {
  const { name } = await sandbox.volume("from", { driverOpts });
  const result = await sandbox.dockform(["volume", "snapshot", name, "--json"]);
  assertError(result, { exitCode: 1, message, hint: /No snapshot was written/ });
  const stored = await readdir(sandbox.path(".dockform/snapshots", name)).catch(() => []);
  assert.deepEqual(stored, []);
  assert.deepEqual(await sandbox.leftBehind(), []);
}

test(
  "a block that Btrfs cannot read fails the snapshot, and the file is named",
  { skip },
  async () => {
    await using fs = await FileSystem.create({ type: "btrfs", bytes: SMALLEST_BYTES.btrfs });
    await using sandbox = await Sandbox.create(host);
    await writeFiles(fs.folder, { "db.sqlite": randomBytes(LARGE_BYTES), other: "other" });
    await run("sync", ["-f", fs.folder]);
    await fs.damage("db.sqlite", BAD_OFFSET);
    const driverOpts = { type: "none", o: "bind", device: fs.folder };
    await snapshotFails(sandbox, driverOpts, /: db\.sqlite: Cannot read: Input\/output error/);
  },
);

test("a sparse file whose map cannot be read fails the snapshot", { skip }, async () => {
  await using fs = await FileSystem.create({ bytes: 16 << 20 });
  await using sandbox = await Sandbox.create(host);
  await fs.makeUnreadable("db");
  await truncate(join(fs.folder, "db"), 10_000_000);
  await snapshotFails(sandbox, fs.driverOpts, /: db: (?:Cannot|Read error)/);
});

const CONTENT = randomBytes(LARGE_BYTES);

async function fillFolder(folder: string): Promise<void> {
  await writeFiles(folder, { "sub/bad": CONTENT, "sub/good": CONTENT, small: "small" });
  await run("setfattr", ["-n", "user.note", "-v", "1", join(folder, "sub/bad")]);
  await symlink("good", join(folder, "sub/link"));
}

for (const [what, faults, message] of [
  ["a read error", { read_error: { bad: BAD_OFFSET } }, /: sub\/bad: Cannot read: Input\/output/],
  [
    "a read error that goes away",
    { read_error: { bad: BAD_OFFSET }, heals: ["bad"] },
    /: sub\/bad: Cannot read: it ended early/,
  ],
  [
    "a read error in a file that has fewer blocks than bytes",
    { read_error: { bad: BAD_OFFSET }, blocks: 8 },
    /: sub\/bad: Cannot read: Input\/output/,
  ],
  [
    "a read error that FUSE takes for the end",
    { short_read: { bad: BAD_OFFSET } },
    /: sub\/bad: Cannot read: it ended early/,
  ],
  [
    "a read error that FUSE takes for the end of a file that has fewer blocks than bytes",
    { short_read: { bad: BAD_OFFSET }, blocks: 8 },
    /: sub\/bad: Cannot read: it ended early/,
  ],
  [
    "attributes that cannot be listed",
    { list_error: ["bad"] },
    /: sub\/bad: Cannot read its attributes: Input\/output/,
  ],
  [
    "attributes that cannot be read",
    { get_error: ["bad"] },
    /: sub\/bad: Cannot read its (?:ACL|attributes): Input\/output/,
  ],
  ["a file that opening denies", { hidden: ["bad"] }, /: sub\/bad: Cannot open: it is there/],
] satisfies readonly (readonly [string, Faults, RegExp])[]) {
  test(`${what} fails the snapshot, and the file is named`, { skip }, async () => {
    await using fs = await FaultyFileSystem.create(faults, fillFolder);
    await using sandbox = await Sandbox.create(host);
    // What happens while it is archived is something else.
    await new Promise((resolve) => setTimeout(resolve, 3000));
    await snapshotFails(sandbox, fs.driverOpts, message);
  });
}

test("where there are no attributes, none are missed", { skip }, async () => {
  await using fs = await FaultyFileSystem.create({ no_attributes: true }, fillFolder);
  await using sandbox = await Sandbox.create(host);
  const { name } = await sandbox.volume("from", { driverOpts: fs.driverOpts });
  const { sidecar } = await sandbox.snapshot(name);
  assert.deepEqual(sidecar["warnings"], []);
});

test("a file that really shrinks meanwhile is a warning", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const from = await sandbox.volume("from");
  await writeFiles(from.folder, { large: randomBytes(128 << 20) });
  const snapshot = sandbox.start(["volume", "snapshot", from.name, "--json"]);
  const folder = sandbox.path(".dockform/snapshots", from.name);
  await snapshot.until("data arrives", async () => {
    const [file] = await readdir(folder).catch(() => []);
    return file !== undefined && (await stat(join(folder, file))).size > 0;
  });
  await snapshot.whileStopped(() => truncate(join(from.folder, "large"), 100));
  const { code, stdout, stderr } = await snapshot.ended;
  assert.equal(code, 0, stderr);
  assert.match(stdout, /large: File shrank while it was read/);
});
