import assert from "node:assert/strict";
import { copyFile, open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { settleWithLimit } from "../../../src/app/several.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { hostileArchives } from "../../fixtures/hostile.ts";
import { run } from "../../oracle/host.ts";
import {
  assertError,
  entryOffsets,
  originFlags,
  packFiles,
  readJson,
  sidecarOf,
  writeFiles,
  writeSidecar,
  type ExpectedError,
} from "../archives.ts";
import { assertUntouched, type Evidence } from "../evidence.ts";
import { Sandbox } from "../harness.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skip } = await testEngine();

const AT_ONCE = 3;
const DAMAGED: ExpectedError = { exitCode: 4, message: /is damaged: \S/, hint: /another snapshot/ };

interface TargetVolume {
  readonly volume: TestVolume;
  readonly before: Evidence;
}

/** Restores into volumes of their own, which must refuse and stay as they are. */
class Target implements AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly #volumes: readonly TargetVolume[];

  private constructor(sandbox: Sandbox, volumes: readonly TargetVolume[]) {
    this.sandbox = sandbox;
    this.#volumes = volumes;
  }

  static async create(): Promise<Target> {
    const sandbox = await Sandbox.create(host);
    const volumes: TargetVolume[] = [];
    for (let i = 0; i < AT_ONCE; i += 1) {
      const volume = await sandbox.volume(`into-${i}`);
      await writeFiles(volume.folder, { "old/file": "old" });
      volumes.push({ volume, before: await sandbox.evidence(volume.folder) });
    }
    await sandbox.declare(...volumes.map(({ volume }) => volume.name));
    return new Target(sandbox, volumes);
  }

  /** Every archive must be refused, even with all flags that allow things. */
  async refusesAll(archives: readonly string[], expected: ExpectedError): Promise<void> {
    const free = [...this.#volumes];
    const results = await settleWithLimit(archives, AT_ONCE, async (archive) => {
      const [into] = free.splice(0, 1);
      assert.ok(into);
      const args = ["--force", "--stop-containers", "--json"];
      const result = await this.sandbox.dockform([
        "volume",
        "restore",
        into.volume.name,
        archive,
        ...(await originFlags(into.volume.name, archive)),
        ...args,
      ]);
      free.push(into);
      assertError(result, expected);
    });
    const problems = results.flatMap((result, i) =>
      result.status === "rejected" ? [`${archives[i]}: ${String(result.reason)}`] : [],
    );
    assert.deepEqual(problems, []);
    for (const { volume, before } of this.#volumes) {
      assertUntouched(before, await this.sandbox.evidence(volume.folder));
    }
    assert.deepEqual(await this.sandbox.leftBehind(), []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sandbox[Symbol.asyncDispose]();
  }
}

/** The same file under another name, cut to a length that is counted from the end where negative. */
async function cutTo(archive: string, length: number): Promise<string> {
  const [, extension = ""] = /(\.tar(?:\.zst)?)$/.exec(archive) ?? [];
  const cut = archive.replace(extension, `-cut-at${length}${extension}`);
  await copyFile(archive, cut);
  await truncate(cut, length < 0 ? (await stat(archive)).size + length : length);
  return cut;
}

async function flipByte(file: string, offset: number): Promise<void> {
  const handle = await open(file, "r+");
  const byte = Buffer.alloc(1);
  const at = offset < 0 ? (await handle.stat()).size + offset : offset;
  await handle.read(byte, 0, 1, at);
  await handle.write(Buffer.from([byte.readUInt8() ^ 1]), 0, 1, at);
  await handle.close();
}

/** Not compressible, so that every offset of the archive is one of data. */
function noise(bytes: number): Buffer {
  const noisy = Buffer.alloc(bytes);
  let state = 12_345;
  for (let i = 0; i < bytes; i += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    noisy[i] = state >>> 16;
  }
  return noisy;
}

test("a sidecar that is not valid is never the same as none", { skip }, async () => {
  await using target = await Target.create();
  const { folder } = target.sandbox;
  const archive = await packFiles(folder, { file: "new" });
  await writeSidecar(archive);
  const good = await readJson(sidecarOf(archive));
  const sidecars: readonly (string | Readonly<Record<string, unknown>>)[] = [
    "",
    "\0\0\0\0",
    "{",
    "[]",
    "null",
    '"text"',
    JSON.stringify(good).slice(0, -1),
    { ...good, uncompressed_bytes: "10240" },
    { ...good, uncompressed_bytes: -1 },
    { ...good, file_count: 1.5 },
    { ...good, spec_hash: undefined },
    { ...good, created_at: "yesterday" },
    { ...good, checksum: undefined },
    { ...good, checksum: { algo: "md5", tar_zst: "0".repeat(32) } },
    { ...good, checksum: { algo: "sha256", tar_zst: "short" } },
    { ...good, labels: { tier: 1 } },
    { ...good, format_version: 1000 },
  ];
  const archives: string[] = [];
  for (const [i, sidecar] of sidecars.entries()) {
    const copy = join(folder, `malformed-${i}.tar.zst`);
    await copyFile(archive, copy);
    const json = typeof sidecar === "string" ? sidecar : JSON.stringify(sidecar);
    await writeFile(sidecarOf(copy), json);
    archives.push(copy);
  }
  await target.refusesAll(archives, {
    exitCode: 4,
    message: /the sidecar \S+malformed-\d+\.json is not valid: \S/,
    hint: /move the \.json file away/,
  });
});

test("a sidecar without a checksum of the stored format is refused", { skip }, async () => {
  await using target = await Target.create();
  const archive = await packFiles(target.sandbox.folder, { file: "new" });
  const { checksum } = await readJson(await writeSidecar(archive));
  const tar = await packFiles(target.sandbox.folder, { file: "new" }, "tar");
  await writeSidecar(tar, { checksum });
  const empty = await packFiles(target.sandbox.folder, { file: "new" });
  await writeSidecar(empty, { checksum: { algo: "sha256", tar_zst: "" } });
  await target.refusesAll([tar, empty], {
    exitCode: 4,
    message: /has no checksum for \.tar/,
    hint: /move the \.json file away/,
  });
});

for (const format of ["tar.zst", "tar"] as const) {
  test(`one changed byte anywhere in a .${format} is a checksum mismatch`, { skip }, async () => {
    await using target = await Target.create();
    const archives: string[] = [];
    for (const offset of [0, 600, 5000, -1]) {
      const archive = await packFiles(target.sandbox.folder, { file: noise(8000) }, format);
      await writeSidecar(archive);
      await flipByte(archive, offset);
      archives.push(archive);
    }
    const cut = await packFiles(target.sandbox.folder, { file: noise(8000) }, format);
    await writeSidecar(cut);
    await truncate(cut, 5120);
    const message = /checksum mismatch for \S+\.tar/;
    await target.refusesAll([...archives, cut], { exitCode: 4, message, hint: /another snapshot/ });
  });
}

test("a .tar.zst that was cut short is found without a sidecar", { skip }, async () => {
  await using target = await Target.create();
  const files = { a: noise(200_000), b: noise(200_000) };
  const archive = await packFiles(target.sandbox.folder, files);
  const lengths = [0, 1, 4, 9, 1000, 131_081, 200_000, -5, -4, -1];
  const cut = await Promise.all(lengths.map((length) => cutTo(archive, length)));
  await target.refusesAll(cut, DAMAGED);
});

test("a .tar that was cut short is found without a sidecar", { skip }, async () => {
  await using target = await Target.create();
  const files = { a: noise(1024), b: noise(1024) };
  const archive = await packFiles(target.sandbox.folder, files, "tar");
  const [, a = 0, b = 0, end = 0] = await entryOffsets(archive);
  const lengths = [0, 1, 511, 512, a, a + 100, b - 512, b, end - 1024, end, end + 512];
  const cut = await Promise.all(lengths.map((length) => cutTo(archive, length)));
  await target.refusesAll(cut, DAMAGED);
});

test("an archive that was cut after a file of zeros is found", { skip }, async () => {
  await using target = await Target.create();
  const files = { a: Buffer.alloc(4096), b: Buffer.alloc(4096), c: "c" };
  const tar = await packFiles(target.sandbox.folder, files, "tar");
  const [, , b = 0, c = 0] = await entryOffsets(tar);
  const cut = [await cutTo(tar, b), await cutTo(tar, c)];
  for (const file of cut) await run("zstd", ["-q", file]);
  await target.refusesAll([...cut, ...cut.map((file) => `${file}.zst`)], DAMAGED);
});

test(
  "a .tar.zst of which whole frames are missing is found without a sidecar",
  { skip },
  async () => {
    await using target = await Target.create();
    const files = { a: noise(1024), b: noise(1024) };
    const tar = await packFiles(target.sandbox.folder, files, "tar");
    const [, , b = 0] = await entryOffsets(tar);
    const first = await cutTo(tar, b);
    await run("zstd", ["-q", first]);
    await target.refusesAll([`${first}.zst`], DAMAGED);
  },
);

for (const vouched of [false, true]) {
  const sidecar = vouched ? "with a sidecar" : "without a sidecar";

  test(`what follows the end of an archive ${sidecar} is found, and said`, { skip }, async () => {
    await using target = await Target.create();
    const archives: string[] = [];
    for (const { name, expectation, extension, data } of hostileArchives()) {
      if (expectation !== "refused" || !/after (the end|a lone block)/.test(name)) continue;
      const archive = target.sandbox.path(`going-on-${archives.length}${extension}`);
      await writeFile(archive, data);
      if (vouched) await writeSidecar(archive);
      archives.push(archive);
    }
    assert.ok(archives.length > 10);
    await target.refusesAll(archives, {
      exitCode: 4,
      message:
        /is damaged: (data follows the end of the archive|there is a lone empty block) \(byte \d+ of/,
      hint: /another snapshot/,
    });
  });

  test(`zeros after the end of an archive ${sidecar} are no damage`, { skip }, async () => {
    await using sandbox = await Sandbox.create(host);
    const into = await sandbox.volume("into");
    const padded = hostileArchives().filter(
      ({ name, expectation }) => expectation === "confined" && name.includes("after the end"),
    );
    assert.ok(padded.length > 4);
    for (const [i, { extension, data, contents }] of padded.entries()) {
      const archive = sandbox.path(`padded-${i}${extension}`);
      await writeFile(archive, data);
      if (vouched) await writeSidecar(archive);
      await sandbox.restore(into.name, archive, ["--undeclared", "--force", "--verify"]);
      assert.equal(await readFile(join(into.folder, "last"), "utf8"), contents?.["last"]);
    }
  });
}

test("files that are named like what tar says of an end are restored", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  const names = ["** Block of NULs **", "** End of File **", "*"];
  const files = Object.fromEntries(names.map((name) => [name, name]));
  await writeFiles(sandbox.path("source"), files);
  const archive = sandbox.path("named.tar");
  await run("tar", ["-cf", archive, "-C", sandbox.path("source"), ...names]);
  await sandbox.restore(into.name, archive, ["--undeclared"]);
  assert.deepEqual((await readdir(into.folder)).toSorted(), names.toSorted());
});

test("what is no archive at all is found without a sidecar", { skip }, async () => {
  await using target = await Target.create();
  const { sandbox } = target;
  const zstdOf = async (name: string, content: Buffer): Promise<string> => {
    await writeFile(sandbox.path(`${name}.tar`), content);
    await run("zstd", ["-q", "--rm", sandbox.path(`${name}.tar`)]);
    return sandbox.path(`${name}.tar.zst`);
  };
  const good = await packFiles(sandbox.folder, { file: noise(3000) }, "tar");
  await copyFile(good, sandbox.path("uncompressed.tar.zst"));
  await run("zstd", ["-q", "-k", good, "-o", sandbox.path("compressed.tar")]);
  const damaged = await packFiles(sandbox.folder, { file: noise(3000) });
  await flipByte(damaged, 2000);
  const header = await packFiles(sandbox.folder, { file: noise(3000) }, "tar");
  await flipByte(header, 520);
  for (const name of ["empty.tar", "empty.tar.zst"]) await writeFile(sandbox.path(name), "");
  for (const name of ["noise.tar", "noise.tar.zst"]) {
    await writeFile(sandbox.path(name), noise(50_000));
  }
  const trailing = await packFiles(sandbox.folder, { file: "x" });
  await writeFile(trailing, noise(100), { flag: "a" });
  await target.refusesAll(
    [
      ...["empty.tar", "empty.tar.zst", "noise.tar", "noise.tar.zst"].map((name) =>
        sandbox.path(name),
      ),
      sandbox.path("uncompressed.tar.zst"),
      sandbox.path("compressed.tar"),
      damaged,
      header,
      trailing,
      await zstdOf("of-noise", noise(50_000)),
      await zstdOf("of-text", Buffer.from("hello\n")),
      await zstdOf("of-nothing", Buffer.alloc(0)),
    ],
    DAMAGED,
  );
});

test("an archive in several zstd frames is restored whole", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const into = await sandbox.volume("into");
  const files = { a: noise(100_000), b: noise(100_000) };
  const tar = await packFiles(sandbox.folder, files, "tar");
  const content = await readFile(tar);
  const parts: Buffer[] = [];
  for (const [i, end] of [70_000, 100_000, content.length].entries()) {
    const part = sandbox.path(`part-${i}`);
    await writeFile(part, content.subarray([0, 70_000, 100_000][i], end));
    parts.push(await run("zstd", ["-q", "-c", part]));
  }
  const archive = `${tar}.zst`;
  await writeFile(archive, Buffer.concat(parts));
  await sandbox.restore(into.name, archive, ["--undeclared"]);
  assert.deepEqual(await readFile(join(into.folder, "a")), files.a);
  assert.deepEqual(await readFile(join(into.folder, "b")), files.b);
  await writeSidecar(archive, { file_count: 2 });
  await sandbox.restore(into.name, archive, ["--undeclared", "--force"]);
  assert.deepEqual(await readFile(join(into.folder, "b")), files.b);
});

test(
  "the checksum of a .tar is found in its sidecar and checked on restore",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const from = await sandbox.volume("from");
    const into = await sandbox.volume("into");
    await writeFiles(from.folder, { file: "new" });
    await sandbox.declare(from.name, into.name);
    const { archive, sidecarPath } = await sandbox.snapshot(from.name, ["--format", "tar"]);
    assert.equal(sidecarPath, sidecarOf(archive));
    const { stdout, stderr } = await sandbox.restore(into.name, archive, ["--json"]);
    const report: { checked_by: string } = JSON.parse(stdout);
    assert.equal(report.checked_by, "checksum");
    assert.equal(stderr, "");
    await flipByte(archive, -1);
    const result = await sandbox.dockform([
      "volume",
      "restore",
      into.name,
      archive,
      "--from-volume",
      from.name,
      "--force",
      "--json",
    ]);
    assertError(result, { exitCode: 4, message: /^checksum mismatch/, hint: /another snapshot/ });
    await rm(sidecarPath);
  },
);
