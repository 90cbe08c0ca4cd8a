/** `dockform snapshot ...` without any engine: nothing listens where DOCKER_HOST points. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { DockformError, messageOf } from "../../../src/errors.ts";
import { archiveAt } from "../../../src/store/folder/folder-store.ts";
import { Archive } from "../../../src/archive/archive.ts";
import { extractPaths } from "../../../src/archive/extract.ts";
import type { Tools } from "../../../src/tools.ts";
import { ESCAPED, hostileArchives, intactTar } from "../../fixtures/hostile.ts";
import { ORIGINAL_SNAPSHOTS } from "../../fixtures/original.ts";
import { needProgram, run } from "../../oracle/host.ts";
import { describeTree, differences, makeOddTree, type TreeEntry } from "../../oracle/tree.ts";
import { assertError, readJson, sidecarOf, writeFiles, type TestFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import type { CliResult } from "../cli-process.ts";
import { store } from "../snapshot-store.ts";
import { onSlowTerminal, onTerminal } from "../terminal.ts";

const NOBODY = "unix:///no/engine/listens/here.sock";
const skip = process.getuid?.() !== 0 && "owners, attributes and devices need root";

interface Place extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly root: string;
  readonly run: (...args: readonly string[]) => Promise<CliResult>;
}

/** A sandbox with the store where the program looks for it. */
async function place(): Promise<Place> {
  const sandbox = await Sandbox.create(NOBODY);
  const root = sandbox.path(".dockform", "snapshots");
  await mkdir(root, { recursive: true });
  return {
    sandbox,
    root,
    run: (...args) => sandbox.dockform(["snapshot", ...args]),
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
}

async function source(sandbox: Sandbox, files: TestFiles): Promise<string> {
  const folder = sandbox.path(`source-${sources}`);
  sources += 1;
  await mkdir(folder);
  await writeFiles(folder, files);
  return folder;
}

let sources = 0;

function done(result: CliResult): string {
  assert.equal(result.code, 0, result.stderr);
  return result.stdout;
}

// --- list ---

test("list shows snapshots by volume, the newest first, and apart from them what is none", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  const data = join(at.root, "data");
  await store(from, data, { time: "2026-11-22T02:15:40", sidecar: { notes: "the\nfirst" } });
  await store(from, data, { time: "2026-11-23T02:15:40" });
  const other = await store(from, join(at.root, "backup", "db"), {
    time: "2026-11-23T02:15:40",
    format: "tar",
  });
  const orphan = await store(from, data, { time: "2026-11-24T02:15:40" });
  const dataless = await store(from, data, { time: "2026-11-25T02:15:40" });
  await rm(sidecarOf(orphan));
  await rm(dataless);
  await writeFile(join(data, ".2026-11-26T02-15-40Z__spec-00000000.data.partial"), "");
  await writeFile(sidecarOf(other), "{}");

  const text = done(await at.run("list"));
  const lines = text.split("\n").map((line) => line.replace(/^ +[\d\w]+ \w+ +/, "  AGE "));
  assert.match(lines[1] ?? "", /^backup\/db: 1 snapshot, /);
  assert.match(
    lines[2] ?? "",
    /^ {2}AGE 2026-11-23T02:15:40Z .* damaged: the sidecar .* is not valid/,
  );
  assert.match(lines[3] ?? "", /^data: 2 snapshots, /);
  assert.match(lines[4] ?? "", /^ {2}AGE 2026-11-23T02:15:40Z .* never$/);
  assert.match(lines[5] ?? "", /^ {2}AGE 2026-11-22T02:15:40Z .* never +the first$/);
  assert.match(text, /^3 snapshots of 2 volumes, /m);
  const apart = text.slice(text.indexOf("These files are no snapshots:"));
  for (const part of ["2026-11-24T02-15-40Z", "2026-11-25T02-15-40Z", ".data.partial"]) {
    assert.ok(apart.includes(part), `${part} is not apart`);
    assert.equal(text.indexOf(part), text.lastIndexOf(part));
  }

  const json: {
    volumes: { volume: string; snapshots: unknown[]; leftovers: { kind: string }[] }[];
  } = JSON.parse(done(await at.run("list", "data", "--json")));
  assert.equal(json.volumes.length, 1);
  assert.equal(json.volumes[0]?.snapshots.length, 2);
  assert.deepEqual(json.volumes[0]?.leftovers.map(({ kind }) => kind).toSorted(), [
    "no data",
    "no sidecar",
    "unfinished",
  ]);
});

test("a table fits a terminal of 80 columns, and piped it is whole", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  const notes = "a note that is much too long for a terminal of eighty columns, and so is cut";
  await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40", sidecar: { notes } });
  assert.ok(done(await at.run("list")).includes(notes));
  const under = await onTerminal();
  const shown = await at.sandbox.dockform(["snapshot", "list", "--no-color"], { under });
  const lines = done(shown).split("\r\n");
  assert.ok(
    lines.some((line) => line.length === 80 && line.endsWith("…")),
    shown.stdout,
  );
  assert.ok(lines.every((line) => line.length <= 80));
});

test("on a terminal a result that comes in pieces and the bar do not get mixed up", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { "file-1": randomBytes(40e6), "file-2": "the end" });
  await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  const under = await onSlowTerminal();
  for (const [command, last] of [
    [["cat", "data", "file-2"], "the end"],
    [["files", "data", "file-2"], " file-2\r\n"],
  ] as const) {
    const shown = await at.sandbox.dockform(["snapshot", ...command], { under });
    const parts = done(shown).split("\u001B[2K");
    assert.ok(parts.length > 1, "there was a bar");
    assert.ok(parts.at(-1)?.endsWith(last), shown.stdout);
    assert.doesNotMatch(parts.at(-1) ?? "", /Reading/);
  }
});

test("an empty store, and a volume without snapshots, are said with what there is", async () => {
  await using at = await place();
  assert.match(done(await at.run("list")), /^There are no snapshots in \.dockform\/snapshots\.$/m);
  const from = await source(at.sandbox, { file: "text" });
  await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  assertError(await at.run("list", "dta", "--json"), {
    exitCode: 2,
    message: "there is no snapshot of dta; did you mean data?",
    hint: "There are snapshots of data.",
  });
});

test("snapshots of one name in several contexts are told apart", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  for (const context of ["first", "second"]) {
    await store(from, join(at.root, context, "data"), { time: "2026-11-22T02:15:40" });
  }
  assertError(await at.run("show", "data@latest", "--json"), {
    exitCode: 2,
    message: /several contexts/,
    hint: "Say which is meant: first/data, second/data.",
  });
  assert.match(done(await at.run("show", "second/data@latest")), /snapshots\/second\/data\/2026/);
  assert.match(
    done(await at.run("show", "data@latest", "--context", "first")),
    /snapshots\/first\/data\/2026/,
  );
});

// --- show ---

test("show tells all that the sidecar knows, what it does not understand too", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  const sidecar = {
    notes: "before the upgrade",
    format_version: 1,
    warnings: ["file changed as we read it"],
    from_the_future: { a: 1 },
    containers: [
      { name: "web", image: "nginx", image_digest: "sha256:1", state: "running", read_write: true },
    ],
  };
  await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40", sidecar });
  const text = done(await at.run("show", "data"));
  for (const part of [
    "before the upgrade",
    "file changed as we read it",
    'from_the_future  {"a":1}',
    "web (nginx), running, could write",
    "verified         never",
  ]) {
    assert.ok(text.includes(part), `${part} is not in ${text}`);
  }
});

// --- files, cat, extract ---

for (const snapshot of ORIGINAL_SNAPSHOTS) {
  test(
    `a snapshot of the original is extracted as it was: ${snapshot.volume}`,
    { skip },
    async () => {
      await using at = await place();
      const out = at.sandbox.path("out");
      const result = await at.run("extract", snapshot.archive, ".", "-o", out, "--json");
      const report: { not_restored: string[] } = JSON.parse(done(result));
      assert.deepEqual(report.not_restored, []);
      assert.deepEqual(comparable(await snapshot.tree(), await describeTree(out)), []);
    },
  );
}

test(
  "an odd tree is extracted as it is: names, values, holes, links, devices",
  { skip },
  async () => {
    await using at = await place();
    const tree = at.sandbox.path("tree");
    await makeOddTree(tree, { smallFiles: 20 });
    const archive = await store(tree, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
    const out = at.sandbox.path("out");
    done(await at.run("extract", archive, ".", "-o", out));
    assert.deepEqual(
      comparable(await describeTree(tree, { sockets: false }), await describeTree(out)),
      [],
    );
  },
);

test("a file that a full disk has no room for is not left there in part", { skip }, async () => {
  await using at = await place();
  const from = await source(at.sandbox, { small: "text", large: randomBytes(1_000_000) });
  const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  const command = `
    mkdir out && mount -t tmpfs -o size=256k tmpfs out && { "$0" "$@"; code=$?; ls out >left; exit $code; }`;
  const under = ["unshare", "--mount", "sh", "-c", command];
  const args = ["snapshot", "extract", archive, "small", "large", "-o", "out", "--json"];
  assertError(await at.sandbox.dockform(args, { under }), {
    exitCode: 1,
    message: /^cannot write large: ENOSPC/,
    hint: /^What was extracted before is there\./,
  });
  assert.doesNotMatch(await readFile(at.sandbox.path("left"), "utf8"), /large/);
});

const MICROSECOND_NS = 1000n;

/** The folder itself is the person's own; times come back to the microsecond. */
function comparable(before: readonly TreeEntry[], after: readonly TreeEntry[]): readonly string[] {
  const times = new Map(after.map(({ path, mtime }) => [path, mtime]));
  const isNear = (a: bigint, b: bigint): boolean => (a > b ? a - b : b - a) < MICROSECOND_NS;
  const expected = before.map((entry) => {
    const mtime = times.get(entry.path) ?? entry.mtime;
    return isNear(BigInt(entry.mtime), BigInt(mtime)) ? { ...entry, mtime } : entry;
  });
  const isInside = ({ path }: TreeEntry): boolean => path !== ".";
  return differences(expected.filter(isInside), after.filter(isInside));
}

test(
  "single paths come out with what is below them, hard links with their content",
  { skip },
  async () => {
    await using at = await place();
    const from = await source(at.sandbox, { "a/first": "shared", "b/own": "own", c: "other" });
    await run("ln", [join(from, "a/first"), join(from, "b/second")]);
    const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
    const out = at.sandbox.path("out");
    done(await at.run("extract", archive, "b", "-o", out));
    assert.deepEqual((await readdir(out, { recursive: true })).toSorted(), [
      "b",
      "b/own",
      "b/second",
    ]);
    assert.equal(await readFile(join(out, "b/second"), "utf8"), "shared");
    const missing = await at.run(
      "extract",
      archive,
      "c",
      "d",
      "-o",
      at.sandbox.path("none"),
      "--json",
    );
    assertError(missing, { exitCode: 2, message: /^there is no d in /, hint: /snapshot files/ });
    await assert.rejects(stat(at.sandbox.path("none")));
  },
);

test("nothing is written over, and nothing is written when something would be", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { "a/file": "new", b: "new" });
  const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  const out = at.sandbox.path("out");
  await mkdir(out);
  await writeFiles(out, { b: "mine" });
  const refused = await at.run("extract", archive, ".", "-o", out, "--json");
  assertError(refused, {
    exitCode: 3,
    message: /^b would be written over/,
    hint: /Nothing was extracted/,
  });
  assert.deepEqual(await readdir(out), ["b"]);
  // A folder that is there is entered, but no link that is in its place.
  await rm(join(out, "b"));
  await run("ln", ["-s", "/tmp", join(out, "a")]);
  const through = await at.run("extract", archive, "a/file", "-o", out, "--json");
  assertError(through, { exitCode: 3, message: /^a\/file would be written over/, hint: /./ });
});

test(
  "whatever a hostile archive says, nothing is written outside the folder",
  { skip },
  async () => {
    await using at = await place();
    for (const [i, { name, data, extension, contents }] of hostileArchives().entries()) {
      const archive = at.sandbox.path(`hostile-${i}${extension}`);
      await writeFile(archive, data);
      const parent = at.sandbox.path(`cell-${i}`, "inner");
      const out = join(parent, "out");
      await mkdir(out, { recursive: true });
      const passwd = await stat("/etc/passwd");
      const failure = await extract(archive, out);
      if (failure !== undefined)
        assert.ok(failure instanceof DockformError, `${name}: ${messageOf(failure)}`);
      assert.deepEqual(await readdir(dirname(parent)), ["inner"], name);
      assert.deepEqual(await readdir(parent), ["out"], name);
      await assert.rejects(stat(`/${ESCAPED}`), name);
      assert.equal((await stat("/etc/passwd")).nlink, passwd.nlink, name);
      if (failure !== undefined) continue;
      for (const [file, content] of Object.entries(contents ?? {})) {
        assert.equal(await readFile(join(out, file), "utf8"), content, name);
      }
    }
  },
);

/** In this process: there are many of them. Returns what it failed with. */
async function extract(path: string, folder: string): Promise<unknown> {
  try {
    await using archive = await Archive.open(archiveAt(path));
    await extractPaths(archive, ["."], folder, TOOLS);
    return undefined;
  } catch (error) {
    return error;
  }
}

const TOOLS: Tools = {
  log: { debug: () => {}, info: () => {}, warn: () => {} },
  emit: () => {},
  startProgress: () => ({ advance: () => {}, report: () => {}, end: () => {} }),
  now: () => new Date(),
  signal: new AbortController().signal,
  version: "test",
  temporaryFolder: "/nonexistent",
  client: "test",
};

test("files lists as ls -l does, one path or all", { skip }, async () => {
  await using at = await place();
  const from = await source(at.sandbox, { "conf/app.ini": "[a]\n", data: "0123456789" });
  await run(
    "sh",
    [
      "-euc",
      "chown 70:71 data; chmod 4750 data; ln -s conf link; mknod null c 1 3; find . -exec touch -h -d @1700000000 {} +",
    ],
    { cwd: from },
  );
  const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  const lines = done(await at.run("files", archive))
    .trim()
    .split("\n")
    .toSorted();
  assert.deepEqual(lines.slice(0, 3), [
    "-rw-r--r--      0     0            4 2023-11-14 22:13:20 conf/app.ini",
    "-rwsr-x---     70    71           10 2023-11-14 22:13:20 data",
    "crw-r--r--      0     0         1, 3 2023-11-14 22:13:20 null",
  ]);
  assert.match(lines.at(-1) ?? "", /^lrwxrwxrwx .* link -> conf$/);
  assert.match(done(await at.run("files", archive, "conf")), /^d.* conf\n-.* conf\/app.ini\n$/);
  const json: { entries: { path: string; mode: string; uid: number }[] } = JSON.parse(
    done(await at.run("files", archive, "data", "--json")),
  );
  assert.deepEqual(
    json.entries.map(({ path, mode, uid }) => [path, mode, uid]),
    [["data", "4750", 70]],
  );
  assertError(await at.run("files", archive, "nothing", "--json"), {
    exitCode: 2,
    message: /no nothing/,
    hint: /./,
  });
});

test("cat prints a file, through its other names, with its holes, and whatever its name", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { text: "line\n", "a\nb": "odd" });
  await run(
    "sh",
    [
      "-euc",
      `ln text another; ln -s text link; truncate -s 300000 sparse; echo end >>sparse; printf odd >"$(printf 'n\\377')"`,
    ],
    { cwd: from },
  );
  const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  assert.equal(done(await at.run("cat", "data@latest", "text")), "line\n");
  assert.equal(done(await at.run("cat", archive, "./another")), "line\n");
  assert.equal(done(await at.run("cat", archive, "sparse")), `${"\0".repeat(300_000)}end\n`);
  assert.equal(done(await at.run("cat", archive, "a\\nb")), "odd");
  assert.equal(done(await at.run("cat", archive, "n\\xff")), "odd");
  assertError(await at.run("cat", archive, "link", "--json"), {
    exitCode: 2,
    message: "link is no file: it is a symbolic link to text",
    hint: /extract/,
  });
  assertError(await at.run("cat", archive, "none", "--json"), {
    exitCode: 2,
    message: /^there is no none/,
    hint: /./,
  });
});

/** Where standard output goes: disks with room for a part of a piece, and for nothing. */
const FULL_DISKS = [
  ["cat", 'mount -t tmpfs -o size=64k tmpfs "$TMPDIR" && exec "$0" "$@" >"$TMPDIR/output"'],
  ["cat", 'exec "$0" "$@" >/dev/full'],
  ["files", 'exec "$0" "$@" >/dev/full'],
  ["show", 'exec "$0" "$@" >/dev/full'],
] as const;

for (const [verb, command] of FULL_DISKS) {
  const where = command.replace(/.*>/, "");
  test(`what ${verb} cannot write into ${where} is a failure`, { skip }, async () => {
    await using at = await place();
    const from = await source(at.sandbox, { large: randomBytes(100_000) });
    const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
    const args = ["snapshot", verb, archive, ...(verb === "cat" ? ["large"] : [])];
    const under = ["unshare", "--mount", "sh", "-c", command];
    const { code, stderr } = await at.sandbox.dockform(args, { under });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^error: cannot write to standard output: ENOSPC.*\n {2}\S.*\n$/);
  });
}

test("a slow reader gets a large file without a warning", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { large: randomBytes(20e6) });
  const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  const { code, stdout, stderr } = await at.sandbox.dockform(
    ["snapshot", "cat", archive, "large"],
    {
      under: ["sh", "-c", '"$0" "$@" | { sleep 1; wc -c; }'],
    },
  );
  assert.deepEqual([code, stdout.trim(), stderr], [0, "20000000", ""]);
});

test("100,000 entries are listed, verified and compared", async () => {
  await using at = await place();
  const from = await source(at.sandbox, {});
  await run(
    "sh",
    ["-euc", "for d in $(seq 100); do mkdir $d; (cd $d; seq 1000 | split -l 1 -a 3 -d - f); done"],
    { cwd: from },
  );
  const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  const listed = done(await at.run("files", archive));
  assert.equal(listed.split("\n").length - 1, 100_101);
  const verified: { snapshots: { entry_count: number; file_count: number }[] } = JSON.parse(
    done(await at.run("verify", archive, "--json")),
  );
  assert.equal(verified.snapshots[0]?.entry_count, 100_101);
  assert.equal(verified.snapshots[0]?.file_count, 100_000);
  await writeFile(join(from, "50", "f500"), "changed\n");
  const later = await store(from, join(at.root, "data"), {
    time: "2026-11-23T02:15:40",
    format: "tar",
  });
  const found = done(await at.run("diff", archive, later));
  assert.match(found, /^~ 50\/f500 {2}size \d+ -> 8; content; time /m);
  assert.match(found, /^0 added, 0 removed, 1 changed$/m);
});

// --- diff ---

test("diff tells what was added, removed and changed, also with GNU tar's own archive", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { same: "same", changed: "old", gone: "gone" });
  const data = join(at.root, "data");
  await store(from, data, { time: "2026-11-22T02:15:40" });
  await run(
    "sh",
    [
      "-euc",
      "rm gone; echo new >added; printf new >changed; touch -r same changed; mkdir .dockform-kept; touch -r same .",
    ],
    { cwd: from },
  );
  await store(from, data, { time: "2026-11-23T02:15:40" });
  const text = done(await at.run("diff", "data@latest~1", "latest"));
  assert.match(text, /^\+ added$/m);
  assert.match(text, /^- gone$/m);
  assert.match(text, /^~ changed {2}content/m);
  assert.doesNotMatch(text, /same|dockform-kept/);
  const plain = at.sandbox.path("plain.tar");
  await run("tar", ["-C", from, "--format=posix", "--sort=name", "-cf", plain, "."]);
  assert.equal(done(await at.run("diff", "data@latest", plain)), "There is no difference.\n");
  assertError(await at.run("diff", plain, "live", "--json"), {
    exitCode: 2,
    message: /which volume/,
    hint: /live/,
  });
});

// --- verify ---

/** A snapshot whose sidecar counts right, as this program's own do. */
async function countedSnapshot(at: Place): Promise<string> {
  const from = await source(at.sandbox, { a: "text", b: "x".repeat(5000), "c/d": "y" });
  const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  const { size } = await stat(archive);
  const [verified] = JSON.parse(done(await at.run("verify", archive, "--json"))).snapshots;
  const sidecar = await readJson(sidecarOf(archive));
  const counts = {
    format_version: 1,
    stored_bytes: size,
    entry_count: verified.entry_count,
    file_count: 3,
    uncompressed_bytes: verified.uncompressed_bytes,
    from_the_future: [1],
  };
  await writeFile(sidecarOf(archive), JSON.stringify({ ...sidecar, ...counts }));
  return archive;
}

test("verify records when it was, and keeps what it does not know", async () => {
  await using at = await place();
  const archive = await countedSnapshot(at);
  await writeFile(
    sidecarOf(archive),
    (await readFile(sidecarOf(archive), "utf8")).replace(/"verified_at":"[^"]*",/, ""),
  );
  assert.match(done(await at.run("list")), / never\n/);
  done(await at.run("verify", "data@latest"));
  const sidecar = await readJson(sidecarOf(archive));
  assert.match(String(sidecar["verified_at"]), /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.deepEqual(sidecar["from_the_future"], [1]);
  assert.match(done(await at.run("list")), / ago\n/);
  assert.deepEqual((await readdir(dirname(archive))).length, 2);
});

test("a flipped byte anywhere in the archive is found, and nothing is recorded", async () => {
  await using at = await place();
  const archive = await countedSnapshot(at);
  const whole = await readFile(archive);
  const before = await readFile(sidecarOf(archive), "utf8");
  const step = Math.ceil(whole.length / 12);
  const places = [...Array(12).keys()].map((i) => i * step).filter((byte) => byte < whole.length);
  for (const byte of [...places, whole.length - 1]) {
    const flipped = Buffer.from(whole);
    flipped.writeUInt8(flipped.readUInt8(byte) ^ 0x40, byte);
    await writeFile(archive, flipped);
    const result = await at.run("verify", "data@latest", "--json");
    assertError(result, { exitCode: 4, message: new RegExp(archive), hint: /./ });
  }
  assert.equal(await readFile(sidecarOf(archive), "utf8"), before);
});

test("any damage to the sidecar is an error that names it", async () => {
  await using at = await place();
  const archive = await countedSnapshot(at);
  const whole = await readFile(sidecarOf(archive), "utf8");
  const good: Record<string, unknown> = JSON.parse(whole);
  const damages: Readonly<Record<string, string>> = {
    "cut short": whole.slice(0, -10),
    "not JSON": "garbage",
    empty: "",
    "another checksum": whole.replace(
      /"tar_zst":\s*"./,
      (text) => `${text.slice(0, -1)}${text.endsWith("0") ? "1" : "0"}`,
    ),
    "no checksum": JSON.stringify({ ...good, checksum: { algo: "sha256" } }),
    "a field of another type": JSON.stringify({ ...good, file_count: "3" }),
    "another length": JSON.stringify({ ...good, stored_bytes: 7 }),
    "fewer entries": JSON.stringify({ ...good, entry_count: 1 }),
    "more files": JSON.stringify({ ...good, file_count: 4 }),
    "more bytes": JSON.stringify({ ...good, uncompressed_bytes: 1 }),
    "a newer format": JSON.stringify({ ...good, format_version: 99 }),
  };
  for (const [name, text] of Object.entries(damages)) {
    await writeFile(sidecarOf(archive), text);
    const { code, stderr } = await at.run("verify", archive);
    assert.equal(code, 4, `${name}: ${stderr}`);
    const base = archive.replace(/\.tar\.zst$/, "");
    assert.ok(stderr.includes(base), `${name} names no file: ${stderr}`);
  }
});

test("a good snapshot in a store that cannot be written to is good", { skip }, async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  const before = await readFile(sidecarOf(archive), "utf8");
  const command = `
    mount --bind .dockform .dockform && mount -o remount,bind,ro .dockform && exec "$0" "$@"`;
  const under = ["unshare", "--mount", "sh", "-c", command];
  const verify = async (...flags: readonly string[]): Promise<CliResult> =>
    at.sandbox.dockform(["snapshot", "verify", "data@latest", ...flags], { under });
  const shown = await verify();
  assert.match(done(shown), /^good /);
  assert.match(shown.stderr, /^warning: .*EROFS/);
  const [verified] = JSON.parse(done(await verify("--json"))).snapshots;
  assert.deepEqual([verified.ok, verified.verified_at, verified.error], [true, null, null]);
  assert.equal(await readFile(sidecarOf(archive), "utf8"), before);
});

test("verify --all goes on after a damaged one, and counts a lost one", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  const data = join(at.root, "data");
  await store(from, data, { time: "2026-11-21T02:15:40" });
  const cut = await store(from, data, { time: "2026-11-22T02:15:40", format: "tar" });
  const lost = await store(from, data, { time: "2026-11-23T02:15:40" });
  await store(from, join(at.root, "backup", "db"), { time: "2026-11-23T02:15:40" });
  await truncate(cut, 1024);
  await rm(lost);
  const result = await at.run("verify", "--all");
  assert.equal(result.code, 4, result.stdout);
  assert.match(result.stdout, /^4 snapshots: 2 good \([^)]+\), 2 damaged$/m);
  assert.match(result.stdout, /^damaged .*2026-11-22T02-15-40Z.*\n +.*cut short|end mark/m);
  assert.match(result.stdout, /^damaged .*2026-11-23T02-15-40Z.*\n +.*does not exist/m);
  assertError(await at.run("verify", "--json"), {
    exitCode: 2,
    message: /nothing to verify/,
    hint: /--all/,
  });
});

test("an archive without a sidecar is verified as far as that goes", async () => {
  await using at = await place();
  const archive = at.sandbox.path("plain.tar");
  await writeFile(archive, intactTar());
  assert.match(done(await at.run("verify", archive)), /good .*plain.tar\n.*no sidecar/);
});

// --- remove, prune ---

test("remove takes data and sidecar, when it is confirmed and named", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  const data = join(at.root, "data");
  for (const day of [21, 22]) await store(from, data, { time: `2026-11-${day}T02:15:40` });
  assertError(await at.run("remove", "data", "--json"), {
    exitCode: 2,
    message: /does not say which/,
    hint: /data@latest/,
  });
  assertError(await at.run("remove", "data@latest", "--json"), {
    exitCode: 3,
    message: /no terminal/,
    hint: /--skip-confirmation/,
  });
  const under = await onTerminal({ question: "Type yes to remove:", keys: "no\n" });
  const declined = await at.sandbox.dockform(["snapshot", "remove", "data@latest"], { under });
  assert.equal(declined.code, 3);
  assert.equal((await readdir(data)).length, 4);
  done(await at.run("remove", "data@latest", "--skip-confirmation"));
  assert.deepEqual(
    (await readdir(data)).map((name) => name.slice(0, 10)),
    ["2026-11-21", "2026-11-21"],
  );
  const last = await at.run("rm", "data@latest", "--skip-confirmation");
  assert.match(last.stderr, /volume data then has no snapshot any more/);
  assert.deepEqual(await readdir(data), []);
});

test(
  "a removal that is cut short at any moment leaves nothing that looks like a snapshot",
  { skip },
  async () => {
    await using at = await place();
    const from = await source(at.sandbox, { file: "text" });
    const data = join(at.root, "data");
    const strace = await needProgram("/usr/bin/strace", "strace");
    const seen = new Set<string>();
    for (let call = 1; !seen.has(""); call += 1) {
      await store(from, data, { time: "2026-11-22T02:15:40" });
      const calls = "unlink,fsync";
      const under = [strace, "-fqqo", "/dev/null", "-e", `trace=${calls}`];
      under.push("-e", `inject=${calls}:signal=KILL:when=${call}`);
      const args = ["snapshot", "remove", "data@latest", "--skip-confirmation"];
      // strace counts the calls of each thread apart.
      await at.sandbox.dockform(args, { under, env: { UV_THREADPOOL_SIZE: "1" } });
      const left = await readdir(data);
      const extensions = left.map((name) => name.replace(/^[^.]*/, ""));
      seen.add(extensions.toSorted().join(" "));
      const listed = done(await at.run("list", "--json")).match(/"archive":/g)?.length ?? 0;
      assert.equal(listed, extensions.length === 2 ? 1 : 0);
      for (const name of left) await rm(join(data, name));
    }
    assert.deepEqual([...seen].toSorted(), ["", ".json .tar.zst", ".tar.zst"]);
  },
);

test("prune is a dry run that names each snapshot and its rule, until it is told to delete", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  const data = join(at.root, "data");
  const hours = ["20T02", "20T14", "21T02", "22T02", "22T14"];
  for (const hour of hours) await store(from, data, { time: `2026-11-${hour}:15:40` });
  await writeFile(join(data, ".2026-11-26T02-15-40Z__spec-00000000.data.partial"), "");
  done(await at.run("verify", "data@2026-11-20T02"));
  const dry = done(await at.run("prune", "data", "--keep-daily", "2"));
  assert.deepEqual(
    dry
      .split("\n")
      .slice(1, 6)
      .map((line) =>
        line
          .trim()
          .replaceAll(/ +\d+ B +/g, " ")
          .replaceAll(/ {2,}/g, " "),
      ),
    [
      "keep 2026-11-22T14:15:40Z daily",
      "remove 2026-11-22T02:15:40Z -",
      "keep 2026-11-21T02:15:40Z daily",
      "remove 2026-11-20T14:15:40Z -",
      "keep 2026-11-20T02:15:40Z the last verified one",
    ],
  );
  assert.match(dry, /^Dry run: 2 of 5 snapshots, \d+ B, would be removed\. Add --delete/m);
  assert.equal((await readdir(data)).length, 11);
  const deleted = done(
    await at.run("prune", "data", "--keep-daily", "2", "--delete", "--even-last-verified"),
  );
  assert.match(deleted, /^Removed 3 of 5 snapshots/m);
  const left = new Set((await readdir(data)).map((name) => name.slice(0, 13)));
  assert.deepEqual([...left].toSorted(), [".2026-11-26T0", "2026-11-21T02", "2026-11-22T14"]);
});

test("a damaged snapshot takes no place of a good one, and prune without rules is refused", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  const data = join(at.root, "data");
  for (const day of [20, 21]) await store(from, data, { time: `2026-11-${day}T02:15:40` });
  const damaged = await store(from, data, {
    time: "2026-11-22T02:15:40",
    sidecar: { stored_bytes: 1 },
  });
  assertError(await at.run("prune", "--delete", "--json"), {
    exitCode: 2,
    message: /which snapshots to keep/,
    hint: /--keep-daily/,
  });
  done(await at.run("prune", "--keep-last", "1", "--delete"));
  const left = (await readdir(data)).map((name) => name.slice(0, 10));
  assert.deepEqual([...new Set(left)].toSorted(), ["2026-11-21", "2026-11-22"]);
  assert.ok((await stat(damaged)).size > 1);
});

test("the manifest's policy holds where the command line has none", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  for (const volume of ["data", "other"]) {
    for (const day of [20, 21, 22])
      await store(from, join(at.root, volume), { time: `2026-11-${day}T02:15:40` });
  }
  await at.sandbox.manifest({ volumes: { data: { snapshot: { keep: { last: 1 } } }, other: {} } });
  const text = done(await at.run("prune", "--delete"));
  assert.match(text, /^other: no rules, so all are kept$/m);
  assert.equal((await readdir(join(at.root, "data"))).length, 2);
  assert.equal((await readdir(join(at.root, "other"))).length, 6);
});
