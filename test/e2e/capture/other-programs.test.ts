/** The table in docs/format.md of what other programs make of a snapshot, row by row. */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { needProgram, run } from "../../oracle/host.ts";
import { Sandbox } from "../harness.ts";

const { host, skipUnlessPrivate } = await testEngine();
const GNU_OPTIONS = "-b 120 -xp --numeric-owner --acls --xattrs --xattrs-include=*".split(" ");
const DAY = "2024-01-02T03:04:05";

/** Extracts an archive into the folder. */
type Extraction = (archive: string, folder: string) => Promise<unknown>;

/** By the first word or two of the table's rows. */
const PROGRAMS: Readonly<Record<string, Extraction>> = {
  "GNU tar": (archive, folder) => run("tar", [...GNU_OPTIONS, "-C", folder, "-f", archive]),
  bsdtar: byProgram("/usr/bin/bsdtar", "libarchive-tools", ["-xpf"], "-C"),
  Python: (archive, folder) => {
    const script =
      "import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2], numeric_owner=True)";
    return run("python3", ["-c", script, archive, folder]);
  },
  BusyBox: byProgram("/usr/bin/busybox", "busybox", ["tar", "-xpf"], "-C"),
  toybox: byProgram("/bin/toybox", "toybox", ["tar", "-xpf"], "-C"),
  "7-Zip": async (archive, folder) =>
    run(await needProgram("/usr/bin/7z", "p7zip-full"), ["x", archive, `-o${folder}`]),
};

function byProgram(
  path: string,
  packageName: string,
  before: readonly string[],
  into: string,
): Extraction {
  return async (archive, folder) => {
    const program = await needProgram(path, packageName);
    // bsdtar makes one name of two only where names are Unicode.
    const env = { LC_ALL: "C.UTF-8" };
    return run(program, [...before, archive, into, folder], { env });
  };
}

test(
  "other programs make of a snapshot what docs/format.md says",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const from = await sandbox.volume("from");
    await makeTree(from.folder);
    const { archive } = await sandbox.snapshot(from.name, ["--format", "tar"]);
    const page = await readFile(new URL("../../../docs/format.md", import.meta.url), "utf8");
    const rows = page
      .split("\n")
      .filter((line) => line.startsWith("| "))
      .map((line) =>
        line
          .split("|")
          .map((cell) => cell.trim().replaceAll("*", ""))
          .slice(1, -1),
      );
    for (const [program, extract] of Object.entries(PROGRAMS)) {
      const folder = sandbox.path(program);
      await mkdir(folder);
      await extract(archive, folder);
      const [named = "", ...said] = rows.find(([cell = ""]) => cell.startsWith(program)) ?? [];
      assert.deepEqual([named, ...(await madeOf(folder))], [named, ...said]);
    }
  },
);

async function makeTree(folder: string): Promise<void> {
  const script = `
    truncate -s 3M sparse && printf data | dd of=sparse bs=1 seek=1048576 conv=notrunc status=none
    printf decomposed >"$(printf 'e\\314\\201')" && printf composed >"$(printf '\\303\\251')"
    printf content >file && chown 70:70 file && setfacl -m u:4000:rw file && setfattr -n user.x -v 1 file
    touch -d ${DAY}.678901234Z file`;
  await run("sh", ["-e", "-c", script], { cwd: folder });
}

/** The cells of a row, by what lies in the folder. */
async function madeOf(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder);
  const file = await stat(join(folder, "file"), { bigint: true });
  const shown = await run("sh", ["-c", "getfattr -d file; getfacl -cn file"], { cwd: folder });
  const marks = ["user.x=", "user:4000:"].filter((mark) => shown.includes(mark));
  const exactly = file.mtimeNs === BigInt(Date.parse(`${DAY}Z`)) * 1_000_000n + 678_901_234n;
  return [
    names.includes("sparse") ? await sparseOf(join(folder, "sparse")) : "the map's text",
    names.filter((name) => name.normalize("NFC") === "\u00e9").length === 2
      ? "two files"
      : "one file",
    exactly ? "kept" : "rounded",
    marks.length === 2 ? "kept" : "lost",
    file.uid === 70n && file.gid === 70n ? "kept" : "lost",
  ];
}

async function sparseOf(path: string): Promise<string> {
  const content = await readFile(path);
  const whole =
    content.length === 3 * 1024 * 1024 &&
    content.toString("latin1", 1_048_576, 1_048_580) === "data";
  return whole ? "whole" : "changed";
}
