/** Archives that are small on the disk, and made to take all memory or time of whoever reads them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { mainFile } from "../../test/e2e/program.ts";
import {
  entry,
  file,
  header,
  joined,
  many,
  packed,
  record,
  repeated,
  tar,
  inTurns,
  type Pieces,
} from "../../test/fixtures/hostile-streams.ts";

const MEBI = 1 << 20;
/** What the issue that asked for bounds allows. */
const PEAK_MB_MAX = 200;
const STORED_BYTES_MAX = 8 * MEBI;

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "dockform-bounds-"));
});
after(() => rm(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: number | null;
  readonly stderr: string;
  readonly stdoutBytes: number;
  readonly peakMb: number;
}

/**
 * Loaded before a program: says on standard error, in a line of its own, how much memory it took at its worst. Linux hands
 * the `maxRSS` of a process on to what that starts, so a child's is this test's own where that is larger.
 */
const REPORT_PEAK = `data:text/javascript,${encodeURIComponent(`
  import { existsSync, readFileSync } from "node:fs";
  const status = "/proc/self/status";
  process.on("exit", () => {
    const peak = existsSync(status)
      ? /VmHWM:\\s*(\\d+)/.exec(readFileSync(status, "utf8"))[1]
      : process.resourceUsage().maxRSS;
    process.stderr.write("peak " + peak + " KiB\\n");
  });
`)}`;

/** Runs this program as its users do, and finds out what memory it took. */
async function dockform(...args: readonly string[]): Promise<Ran> {
  // Else garbage is left lying about for as long as there is memory.
  const limit = "--max-old-space-size=64";
  const child = spawn(process.execPath, [limit, "--import", REPORT_PEAK, mainFile(), ...args], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stderr = "";
  let stdoutBytes = 0;
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.on("data", (chunk: Buffer) => (stdoutBytes += chunk.length));
  const code = await new Promise<number | null>((resolve) => {
    child.once("close", resolve);
  });
  const [, kibibytes] = /peak (\d+) KiB/.exec(stderr) ?? [];
  return { code, stderr, stdoutBytes, peakMb: (Number(kibibytes) * 1024) / 1e6 };
}

const SPARSE_1_0 = ["major=1", "minor=0", "name=./a", "realsize=99999999"];

/** A file in GNU's sparse format 1.0 whose map is this. */
function* sparseFile(map: Pieces): Pieces {
  const fields = SPARSE_1_0.map((field) => field.split("="));
  const records = fields.map(([key, value]) => record(`GNU.sparse.${key}`, value ?? ""));
  yield* entry("x", Buffer.concat(records));
  yield* entry("0", map);
}

const attribute = (bytes: number): Buffer => record("SCHILY.xattr.user.large", Buffer.alloc(bytes));
const padded = (text: string): string => text.padEnd(512, "\0");

interface Hostile {
  readonly pieces: () => Pieces;
  /** What is said of it; without, it is good. */
  readonly message?: RegExp;
}

const ARCHIVES: Readonly<Record<string, Hostile>> = {
  "attributes of 6 MB on one file, as XFS holds them": {
    pieces: () => {
      const values = many(96, (i) => record(`SCHILY.xattr.user.a${i}`, Buffer.alloc(64 << 10, i)));
      return tar(entry("x", values), [file()]);
    },
  },
  "extended headers as large as the bound, one after the other": {
    pieces: () => tar(inTurns(6, () => joined(entry("x", attribute(16 * MEBI - 100)), [file()]))),
  },
  "an extended header beyond it": {
    pieces: () => tar(entry("x", attribute(16 * MEBI)), [file()]),
    message: /there is an extended header of 167772\d\d bytes/,
  },
  "a header of millions of records": {
    pieces: () => tar(entry("x", repeated("6 a=b\n", 2e5)), [file()]),
  },
  "millions of attributes on one file": {
    pieces: () =>
      tar(
        entry(
          "x",
          many(7e4, (i) => record(`SCHILY.xattr.user.${i}`, "")),
        ),
      ),
    message: /an entry has more than 65536 attributes/,
  },
  "thousands of extended headers for one entry": {
    pieces: () =>
      tar(
        inTurns(5000, () => entry("x", record("path", "./b"))),
        [file()],
      ),
  },
  "global headers that add up": {
    pieces: () =>
      tar(many(1000, (i) => Buffer.concat([...entry("g", record(`SCHILY.xattr.user.${i}`, "x"))]))),
    message: /global headers set more than 4096 bytes of fields/,
  },
  "global headers with comments, in front of each entry": {
    pieces: () =>
      tar(inTurns(5000, () => joined(entry("g", record("comment", "c".repeat(100))), [file()]))),
  },
  "a long name of gigabytes": {
    pieces: () => [header({ type: "L", sizeBytes: 4e9 })],
    message: /there is an extended header of 4000000000 bytes/,
  },
  "names of a megabyte each": {
    pieces: () =>
      tar(inTurns(30, () => joined(entry("L", repeated("n".repeat(256), 4096)), [file()]))),
  },
  "an ACL of megabytes": {
    pieces: () => tar(entry("x", record("SCHILY.acl.access", ",".repeat(10 * MEBI))), [file()]),
    message: /there is an ACL of 10485760 bytes/,
  },
  "an ACL of megabytes as an attribute": {
    pieces: () => {
      const acl = record("SCHILY.xattr.system.posix_acl_access", Buffer.alloc(10 * MEBI));
      return tar(entry("x", acl), [file()]);
    },
    message: /there is an ACL of 10485760 bytes/,
  },
  "a list of millions of names in an incremental dump": {
    pieces: () => tar(entry("D", repeated("Y\0", 8e6), { name: "./" }), [file()]),
  },
  "a sparse file of as many parts as the bound": {
    pieces: () => {
      const count = 1 << 20;
      const lines = function* () {
        yield Buffer.from(`${count}\n`);
        yield* repeated("0\n0\n", count);
        const bytes = String(count).length + 1 + 4 * count;
        yield Buffer.alloc((512 - (bytes % 512)) % 512);
      };
      return tar(inTurns(2, () => sparseFile({ [Symbol.iterator]: lines })));
    },
  },
  "a sparse file of more parts": {
    pieces: () => tar(sparseFile(repeated(`${(1 << 20) + 1}\n${"0\n0\n".repeat(11e5)}`, 1))),
    message: /a sparse file has 1048577 parts/,
  },
  "a sparse file of more parts than are stored": {
    pieces: () => tar(sparseFile([Buffer.from(padded("4000000000000\n0\n0\n"))]), [file()]),
    message: /map of a sparse file is longer than what is stored of it/,
  },
  "a sparse map in an extended header": {
    pieces: () => {
      const size = record("GNU.sparse.size", "99");
      const map = record("GNU.sparse.map", `0${",0".repeat(3e6)}`);
      return tar(entry("x", Buffer.concat([size, map])), [file()]);
    },
    message: /a sparse file has more than 1048576 parts/,
  },
  "a sparse map in blocks that never end": {
    pieces: () => {
      const extents = Buffer.alloc(512);
      for (let i = 0; i < 21; i += 1) extents.write("00000000000\0".repeat(2), i * 24);
      extents[504] = 1;
      const edit = (block: Buffer): void => {
        block.write("00000000000\0".repeat(8), 386);
        block[482] = 1;
      };
      return joined(
        [header({ type: "S", sizeBytes: 0, edit })],
        many(6e4, () => extents),
      );
    },
    message: /a sparse file has more than 1048576 parts/,
  },
};

let made = 0;

for (const [name, { pieces, message }] of Object.entries(ARCHIVES)) {
  test(`read in bounded memory: ${name}`, async () => {
    const archive = await packed(join(folder, `${(made += 1)}.tar.zst`), pieces());
    assert.ok((await stat(archive)).size < STORED_BYTES_MAX, "it is not small on the disk");
    const files = ["snapshot", "files", archive];
    for (const args of [
      ["snapshot", "verify", archive],
      ...(message === undefined ? [files] : []),
    ]) {
      const { code, stderr, peakMb } = await dockform(...args);
      assert.equal(code === 0, message === undefined, stderr);
      if (message !== undefined) assert.match(stderr, message);
      assert.ok(peakMb < PEAK_MB_MAX, `${args.join(" ")} took ${peakMb} MB`);
    }
    await rm(archive);
  });
}
