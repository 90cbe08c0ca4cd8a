import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readdir, readFile, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { settleWithLimit } from "../../../src/app/several.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { hostileArchives } from "../../fixtures/hostile.ts";
import { ESCAPED, intactTar, type HostileArchive } from "../../fixtures/hostile-tar.ts";
import { run } from "../../oracle/host.ts";
import { describeTree, differences, removeTree, type TreeEntry } from "../../oracle/tree.ts";
import { originFlags, sidecarOf, writeFiles, writeSidecar } from "../archives.ts";
import { FileSystem } from "../file-system.ts";
import { Sandbox } from "../harness.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

const AT_ONCE = 3;
/** What a restore keeps for itself at the top of a volume. */
const RESERVED = /^\.dockform-([0-9a-f]{12}|(?:trash|aside)-[0-9a-f]{12}|kept)$/;
const RESTORE_FLAGS = ["--undeclared", "--force", "--json"];

interface Target {
  readonly volume: TestVolume;
  /** Where an entry that climbs out of the volume would first arrive. */
  readonly around: string;
}

async function makeTarget(sandbox: Sandbox, suffix: string): Promise<Target> {
  const volume = await sandbox.volume(suffix);
  return { volume, around: dirname(volume.folder) };
}

/** Puts the old contents into a volume, whatever the archive before left there. */
async function fillWithOld({ volume }: Target): Promise<readonly TreeEntry[]> {
  for (const name of await readdir(volume.folder)) await removeTree(join(volume.folder, name));
  await writeFiles(volume.folder, { "old/file": "old", other: "old", first: "old" });
  return describeTree(volume.folder);
}

/** What is wrong after an archive was restored, or refused; empty when all is as it must be. */
async function restoreHostile(
  sandbox: Sandbox,
  target: Target,
  archive: HostileArchive,
  path: string,
): Promise<readonly string[]> {
  const { volume, around } = target;
  const old = await fillWithOld(target);
  const { code, stderr } = await sandbox.dockform([
    "volume",
    "restore",
    volume.name,
    path,
    ...(await originFlags(volume.name, path)),
    ...RESTORE_FLAGS,
  ]);
  const problems: string[] = [];
  if (code === 0) {
    if (archive.expectation === "refused") problems.push("was restored");
    for (const [file, content] of Object.entries(archive.contents ?? {})) {
      const found = await readFile(join(volume.folder, file), "utf8").catch(String);
      if (found !== content) problems.push(`${file} holds ${found}`);
    }
    if (existsSync(join(volume.folder, "old"))) problems.push("old contents are still there");
  } else {
    problems.push(...differences(old, await describeTree(volume.folder)));
    if (!/^error: \S/m.test(stderr) || code === null) problems.push(`no clear error: ${stderr}`);
  }
  const top = await readdir(volume.folder);
  problems.push(...top.filter((name) => RESERVED.test(name)).map((name) => `${name} is left`));
  const beside = await readdir(around);
  if (beside.length > 1) problems.push(`beside the volume: ${beside.join(" ")}`);
  if (existsSync(join("/", ESCAPED))) problems.push(`/${ESCAPED} was written`);
  return problems.map((problem) => `${archive.name}: ${problem} (exit code ${code}) ${stderr}`);
}

const END_KINDS = /zeros|without its end|after (the end|a lone block)/;

/** So many that one test would take minutes. */
const PARTS = 4;

/** With a sidecar one part is looked at, and all that only lack an end: what it says must not count. */
const KINDS = [
  ...Array.from({ length: PARTS }, (_, i) => ["without a sidecar", i] as const),
  ["with a sidecar that vouches for them", 0] as const,
];

for (const [sidecar, part] of KINDS) {
  const title = `hostile archives ${sidecar}, part ${part + 1}, touch nothing but the new contents`;
  test(title, { skip }, async () => {
    await using sandbox = await Sandbox.create(host);
    const machine = await readFile("/etc/passwd", "utf8");
    const free: Target[] = [];
    for (let i = 0; i < AT_ONCE; i += 1) free.push(await makeTarget(sandbox, `into-${i}`));
    const vouched = sidecar !== "without a sidecar";
    const archives = [...hostileArchives().entries()].filter(
      ([i, { name }]) => i % PARTS === part || (vouched && END_KINDS.test(name)),
    );
    const results = await settleWithLimit(archives, AT_ONCE, async ([i, archive]) => {
      const path = sandbox.path(`hostile-${i}${archive.extension}`);
      await writeFile(path, archive.data);
      if (vouched) await writeSidecar(path);
      const [target] = free.splice(0, 1);
      assert.ok(target);
      const problems = await restoreHostile(sandbox, target, archive, path);
      free.push(target);
      return problems;
    });
    const problems = results.flatMap((result) =>
      result.status === "fulfilled" ? result.value : [String(result.reason)],
    );
    assert.deepEqual(problems, []);
    assert.equal(await readFile("/etc/passwd", "utf8"), machine);
    assert.deepEqual(await sandbox.leftBehind(), []);
    for (const { volume } of free) await removeTree(volume.folder);
  });
}

test("entries of reserved names are left out with a warning", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const target = await makeTarget(sandbox, "into");
  const reserved = hostileArchives().filter(({ harm }) => harm.includes("its own journal"));
  assert.ok(reserved.length > 10);
  for (const [i, { name, extension, data }] of reserved.entries()) {
    // Those end up within the new contents under other names.
    if (name.includes("symlink")) continue;
    await fillWithOld(target);
    const path = sandbox.path(`reserved-${i}${extension}`);
    await writeFile(path, data);
    const { stderr } = await sandbox.restore(target.volume.name, path, RESTORE_FLAGS);
    assert.match(stderr, /warning: .*\.dockform-/, name);
    const files = await readdir(target.volume.folder, { recursive: true });
    const expected = ["first", "folder", "folder/.dockform-kept", "folder/large", "last"];
    assert.deepEqual(files.toSorted(), expected, name);
  }
});

const BOMB_BYTES = 2 * 2 ** 30;
const DISK_BYTES = 48 << 20;

/** A few kilobytes that become two gigabytes of zeros: those of a file, or some that follow the archive's end. */
const BOMBS = {
  "zstd bomb": "tar --format=gnu -c bomb",
  "zstd bomb of padding": "tar --format=gnu -c -T /dev/null --label=x; cat bomb",
} as const;

async function packBomb(sandbox: Sandbox, kind: keyof typeof BOMBS): Promise<string> {
  const archive = sandbox.path("bomb.tar.zst");
  const script = `truncate -s ${BOMB_BYTES} bomb && { ${BOMBS[kind]}; } | zstd -q -o "$0" && rm bomb`;
  await run("sh", ["-c", script, archive], { cwd: sandbox.folder });
  return archive;
}

for (const [kind, what, announcedBytes] of [
  ["zstd bomb", "without a sidecar", undefined],
  ["zstd bomb", "with a sidecar that says how large it is", BOMB_BYTES + 10_240],
  ["zstd bomb", "with a sidecar that lies", 20_480],
  ["zstd bomb of padding", "without a sidecar", undefined],
  ["zstd bomb of padding", "with a sidecar that lies", 20_480],
] as const) {
  test(`a ${kind} ${what} does not fill the disk`, { skip }, async () => {
    await using fs = await FileSystem.create({ bytes: DISK_BYTES });
    await using sandbox = await Sandbox.create(host);
    await writeFiles(fs.folder, { "old/file": "old" });
    const into = await sandbox.volume("into", { driverOpts: fs.driverOpts });
    const archive = await packBomb(sandbox, kind);
    if (announcedBytes !== undefined) {
      const counts = { volume_name: into.name, format_version: 1, entry_count: 1 };
      await writeSidecar(archive, { uncompressed_bytes: announcedBytes, ...counts });
    }
    const before = await describeTree(fs.folder);
    const { bavail: freeBefore, bsize } = await statfs(fs.folder);
    const least = { free: freeBefore, over: false };
    const restore = sandbox.start(["volume", "restore", into.name, archive, ...RESTORE_FLAGS]);
    void restore.ended.finally(() => (least.over = true));
    while (!least.over) {
      least.free = Math.min(least.free, (await statfs(fs.folder)).bavail);
      await sleep(2);
    }
    const result = await restore.ended;
    assert.ok(result.code === 3 || result.code === 4 || result.code === 1, result.stderr);
    assert.match(result.stderr, /error: .*(missing|larger than|more than|announce)/);
    assert.deepEqual(differences(before, await describeTree(fs.folder)), []);
    const takenBytes = (freeBefore - least.free) * bsize;
    assert.ok(takenBytes < DISK_BYTES / 4, `${takenBytes} bytes of ${DISK_BYTES} were filled`);
    assert.deepEqual(await sandbox.leftBehind(), []);
  });
}

test("a sidecar that counts wrong is told from its archive", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const target = await makeTarget(sandbox, "into");
  const old = await fillWithOld(target);
  const archive = sandbox.path("intact.tar");
  await writeFile(archive, intactTar());
  const dryRun = ["volume", "restore", target.volume.name, archive, ...RESTORE_FLAGS, "--dry-run"];
  const counted: { uncompressed_bytes: number; entry_count: number } = JSON.parse(
    (await sandbox.dockform(dryRun)).stdout,
  );
  const { uncompressed_bytes: uncompressedBytes, entry_count: entries } = counted;
  const good = {
    volume_name: target.volume.name,
    format_version: 1,
    uncompressed_bytes: uncompressedBytes,
    entry_count: entries,
  };
  for (const lie of [
    { uncompressed_bytes: 0 },
    { uncompressed_bytes: uncompressedBytes + (10 << 20) },
    { uncompressed_bytes: Number.MAX_SAFE_INTEGER },
    { entry_count: 0 },
    { entry_count: entries - 1 },
    { entry_count: entries + 1 },
    { entry_count: Number.MAX_SAFE_INTEGER },
  ]) {
    await writeSidecar(archive, { ...good, ...lie });
    const args = ["volume", "restore", target.volume.name, archive, ...RESTORE_FLAGS];
    const { code, stderr } = await sandbox.dockform(args);
    assert.ok(code === 4 || code === 3, `${JSON.stringify(lie)}: ${code} ${stderr}`);
    assert.deepEqual(differences(old, await describeTree(target.volume.folder)), []);
  }
  await writeSidecar(archive, good);
  await sandbox.restore(target.volume.name, archive, RESTORE_FLAGS);
  assert.ok(existsSync(sidecarOf(archive)));
});
