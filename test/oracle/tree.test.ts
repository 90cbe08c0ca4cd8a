import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { attempt, needProgram, run } from "./host.ts";
import {
  describeTree,
  differences,
  makeOddTree,
  parseTree,
  removeTree,
  type Extent,
  type OddTreeOptions,
  type TreeEntry,
} from "./tree.ts";

const root = process.platform === "linux" && process.getuid?.() === 0;
const skip = !root && "owners, devices and capabilities need root on Linux";

let scratch: string;
let made = 0;

before(async () => {
  // Changes are made with it, too, and by then it must be there.
  if (root) await needProgram("/usr/bin/python3", "python3");
  scratch = await mkdtemp(join(tmpdir(), "dockform-test-oracle-"));
});

after(async () => {
  await removeTree(scratch);
});

function newPath(): string {
  made += 1;
  return join(scratch, String(made));
}

async function emptyFolder(): Promise<string> {
  const folder = newPath();
  await run("mkdir", [folder]);
  return folder;
}

async function oddTree(options: OddTreeOptions = {}): Promise<string> {
  const folder = newPath();
  await makeOddTree(folder, { smallFiles: 20, ...options });
  return folder;
}

/** Runs a few lines of Python inside a folder. */
async function change(folder: string, lines: string): Promise<void> {
  const prelude = "import os, socket, stat, struct\n";
  await run("/usr/bin/python3", ["-c", prelude + lines], { cwd: folder });
}

/** A few entries, each of them the object of some change below. */
const SAMPLE = `
os.umask(0o022)
open("file", "w").write("content")
os.setxattr("file", "user.a", b"1\\0")
os.setxattr("file", "user.empty", b"")
os.setxattr("file", "security.capability", struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0))
acl = lambda user: struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in [
    (1, 6, 2**32 - 1), (2, 4, user), (4, 4, 2**32 - 1), (16, 4, 2**32 - 1), (32, 4, 2**32 - 1)])
open("acl", "w")
os.setxattr("acl", "system.posix_acl_access", acl(1000))
os.mkdir("folder")
os.setxattr("folder", "system.posix_acl_default", acl(1000))
os.mkdir("empty")
open("linked-1", "w").write("x")
os.link("linked-1", "linked-2")
os.link("linked-1", "linked-3")
os.symlink("target", "symlink")
os.mknod("device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
os.mkfifo("fifo")
socket.socket(socket.AF_UNIX).bind("socket")
f = open("sparse", "wb")
f.truncate(1 << 20)
os.pwrite(f.fileno(), b"x", 512 << 10)
open(b"\\xff\\n name", "w")
for folder, folders, files in os.walk(".", topdown=False):
    for name in files + folders: os.utime(os.path.join(folder, name), ns=(0, 10**18 + 1), follow_symlinks=False)
os.utime(".", ns=(0, 5))
`;

/** How a change keeps the times, so that it is the only difference. */
const KEEP_TIMES = `
def keep(*paths):
    for path in paths: os.utime(path, ns=(0, 10**18 + 1), follow_symlinks=False)
    os.utime(".", ns=(0, 5))
`;

interface Change {
  readonly what: string;
  readonly lines: string;
  readonly seen: readonly (string | RegExp)[];
}

const ACL_OF_1001 =
  'struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in [(1, 6, 2**32 - 1), (2, 4, 1001), (4, 4, 2**32 - 1), (16, 4, 2**32 - 1), (32, 4, 2**32 - 1)])';

const CHANGES: readonly Change[] = [
  { what: "nothing", lines: "pass", seen: [] },
  {
    what: "an owner",
    lines: 'os.chown("fifo", 4294967294, -1)',
    seen: ["./fifo: uid 0 -> 4294967294"],
  },
  { what: "a group", lines: 'os.chown("empty", -1, 7)', seen: ["./empty: gid 0 -> 7"] },
  {
    what: "a symlink's owner",
    lines: 'os.chown("symlink", 3, -1, follow_symlinks=False)',
    seen: ["./symlink: uid 0 -> 3"],
  },
  {
    what: "a mode",
    lines: 'os.chmod("linked-1", 0o600)',
    seen: [
      "./linked-1: mode 0644 -> 0600",
      "./linked-2: mode 0644 -> 0600",
      "./linked-3: mode 0644 -> 0600",
    ],
  },
  { what: "a setuid bit", lines: 'os.chmod("file", 0o4644)', seen: ["./file: mode 0644 -> 4644"] },
  {
    what: "a sticky bit",
    lines: 'os.chmod("empty", 0o1755)',
    seen: ["./empty: mode 0755 -> 1755"],
  },
  {
    what: "an mtime by 1 ns",
    lines: 'os.utime("file", ns=(0, 10**18 + 2))',
    seen: ["./file: mtime 1000000000.000000001 -> 1000000000.000000002"],
  },
  {
    what: "an mtime to before 1970",
    lines: 'os.utime("file", ns=(0, -1))',
    seen: ["./file: mtime 1000000000.000000001 -> -0.000000001"],
  },
  {
    what: "a symlink's mtime",
    lines: 'os.utime("symlink", ns=(0, 0), follow_symlinks=False)',
    seen: ["./symlink: mtime 1000000000.000000001 -> 0.000000000"],
  },
  {
    what: "content of the same length",
    lines: 'open("file", "r+").write("C"); keep("file")',
    // Writing to a file takes its capabilities away.
    seen: [/^\.\/file: content sha256 /, /^\.\/file: xattr security.capability /],
  },
  {
    what: "a size within a hole",
    lines: 'os.truncate("sparse", (1 << 20) - 1); keep("sparse")',
    seen: ["./sparse: size 1048576 -> 1048575", /^\.\/sparse: content sha256 /],
  },
  {
    what: "an xattr's value",
    lines: 'os.setxattr("file", "user.a", b"1\\0\\0")',
    seen: ["./file: xattr user.a 0x3100 -> 0x310000"],
  },
  {
    what: "an xattr lost",
    lines: 'os.removexattr("file", "user.a")',
    seen: ["./file: xattr user.a 0x3100 -> none"],
  },
  {
    what: "an empty xattr lost",
    lines: 'os.removexattr("file", "user.empty")',
    seen: ["./file: xattr user.empty 0x -> none"],
  },
  {
    what: "an xattr more",
    lines: 'os.setxattr("empty", b"user.\\xff", b"")',
    seen: ["./empty: xattr user.\\xff none -> 0x"],
  },
  {
    what: "a capability",
    lines: 'os.removexattr("file", "security.capability")',
    seen: ["./file: xattr security.capability 0x0100000200200000000000000000000000000000 -> none"],
  },
  {
    what: "an ACL",
    lines: `os.setxattr("acl", "system.posix_acl_access", ${ACL_OF_1001})`,
    seen: [/^\.\/acl: xattr system.posix_acl_access 0x.*e8030000.* -> 0x.*e9030000/],
  },
  {
    what: "a default ACL",
    lines: `os.setxattr("folder", "system.posix_acl_default", ${ACL_OF_1001})`,
    seen: [/^\.\/folder: xattr system.posix_acl_default 0x/],
  },
  {
    what: "a hole that is filled with zeros",
    lines:
      'f = os.open("sparse", os.O_WRONLY); os.pwrite(f, bytes(8192), 65536); os.close(f); keep("sparse")',
    seen: ["./sparse: hole filled at 65536-73728"],
  },
  {
    what: "a hole that is filled by allocation only",
    lines: 'f = os.open("sparse", os.O_WRONLY); os.posix_fallocate(f, 0, 4096); keep("sparse")',
    seen: ["./sparse: hole filled at 0-4096"],
  },
  {
    what: "a hard link broken",
    lines:
      'os.unlink("linked-3"); open("linked-3", "w").write("x"); keep("linked-1", "linked-2", "linked-3")',
    seen: ["./linked-3: hard link to ./linked-1 -> none"],
  },
  {
    what: "a hard link more",
    lines: 'os.unlink("fifo"); os.link("device", "fifo"); keep("fifo", "device")',
    seen: [
      "./device: hard link to none -> ./device",
      "./fifo: type fifo -> char",
      "./fifo: mode 0644 -> 0600",
      "./fifo: device none -> 1:3",
      "./fifo: hard link to none -> ./device",
    ],
  },
  {
    what: "a symlink's target",
    lines: 'os.unlink("symlink"); os.symlink("target/", "symlink"); keep("symlink")',
    seen: ["./symlink: target target -> target/"],
  },
  {
    what: "a symlink replaced by what it names",
    lines:
      'os.unlink("symlink"); open("symlink", "w"); os.chmod("symlink", 0o777); keep("symlink")',
    seen: [
      "./symlink: type symlink -> file",
      "./symlink: size none -> 0",
      /^\.\/symlink: content sha256 none -> /,
      "./symlink: target target -> none",
    ],
  },
  {
    what: "a device's number",
    lines:
      'os.unlink("device"); os.mknod("device", stat.S_IFCHR | 0o600, os.makedev(1, 5)); keep("device")',
    seen: ["./device: device 1:3 -> 1:5"],
  },
  {
    what: "a device's kind",
    lines:
      'os.unlink("device"); os.mknod("device", stat.S_IFBLK | 0o600, os.makedev(1, 3)); keep("device")',
    seen: ["./device: type char -> block"],
  },
  {
    what: "a name",
    lines: 'os.rename(b"\\xff\\n name", b"\\xff\\n Name"); keep()',
    seen: ["./\\xff\\x0a Name: not there before (file)", "./\\xff\\x0a name: missing (file)"],
  },
  {
    what: "an empty directory lost",
    lines: 'os.rmdir("empty"); keep()',
    seen: ["./empty: missing (directory)"],
  },
  {
    what: "a socket lost",
    lines: 'os.unlink("socket"); keep()',
    seen: ["./socket: missing (socket)"],
  },
  {
    what: "the root's own metadata",
    lines:
      'os.chown(".", 70, 71); os.chmod(".", 0o2770); os.setxattr(".", "user.r", b"r"); os.utime(".", ns=(0, 6))',
    seen: [
      ".: mode 0755 -> 2770",
      ".: uid 0 -> 70",
      ".: gid 0 -> 71",
      ".: mtime 0.000000005 -> 0.000000006",
      ".: xattr user.r none -> 0x72",
    ],
  },
];

/** A description of one file, or of one symlink, with nothing odd about it. */
function oneEntry(fields: Partial<TreeEntry>): TreeEntry[] {
  const plain = { path: "./x", type: "file", mode: 0, uid: 0, gid: 0, mtime: "0", xattrs: {} };
  return parseTree(JSON.stringify({ ...plain, ...fields }));
}

function fileWith(extents: readonly Extent[], block: number): TreeEntry[] {
  return oneEntry({ extents, block });
}

function symlinkTo(target: string): TreeEntry[] {
  return oneEntry({ type: "symlink", target });
}

describe("differences", { skip }, () => {
  for (const { what, lines, seen } of CHANGES) {
    test(`sees ${what}`, async () => {
      const folder = await emptyFolder();
      await change(folder, SAMPLE);
      const untouched = await describeTree(folder);
      await change(folder, KEEP_TIMES + lines);
      const found = differences(untouched, await describeTree(folder));
      assert.equal(found.length, seen.length, found.join("\n"));
      for (const [index, expected] of seen.entries()) {
        const line = found[index] ?? "";
        if (typeof expected === "string") assert.equal(line, expected);
        else assert.match(line, expected);
      }
    });
  }

  test("allows less room, and the larger of two file systems' blocks", () => {
    const source = fileWith([[4096, 12288]], 4096);
    assert.deepEqual(differences(source, fileWith([], 4096)), []);
    assert.deepEqual(differences(source, fileWith([[4096, 8192]], 4096)), []);
    assert.deepEqual(differences(source, fileWith([[0, 16384]], 16384)), []);
    assert.deepEqual(differences(source, fileWith([[0, 16384]], 4096)), [
      "./x: hole filled at 0-4096",
      "./x: hole filled at 12288-16384",
    ]);
    assert.deepEqual(differences(fileWith([[1024, 2048]], 1024), fileWith([[0, 4096]], 4096)), []);
  });

  test("says so when two long values start the same", () => {
    const [line] = differences(symlinkTo(`${"x".repeat(500)}1`), symlinkTo(`${"x".repeat(500)}2`));
    assert.match(line ?? "", /^\.\/x: target x+\.\.\. \(501 characters\) -> another that starts/);
  });
});

describe("describeTree", { skip }, () => {
  test("sorts bytewise and changes nothing, not even access times", async () => {
    const folder = await oddTree();
    const stat = [
      "-c",
      "%n %X %Y %Z",
      "--",
      folder,
      join(folder, "sizes"),
      join(folder, "sizes/513"),
    ];
    const old = await run("stat", stat);
    const entries = await describeTree(folder);
    assert.deepEqual(await run("stat", stat), old);
    const paths = entries.map((entry) => Buffer.from(entry.path, "latin1"));
    assert.deepEqual(
      paths,
      paths.toSorted((a, b) => a.compare(b)),
    );
    assert.equal(entries[0]?.path, ".");
  });

  test("leaves sockets out when told to", async () => {
    const folder = await oddTree();
    const all = await describeTree(folder);
    const carried = await describeTree(folder, { sockets: false });
    assert.deepEqual(differences(all, carried), ["./special/socket: missing (socket)"]);
  });

  test("counts preallocated room, which the kernel calls a hole until somebody reads it", async () => {
    const folder = await emptyFolder();
    await change(
      folder,
      'os.posix_fallocate(os.open("file", os.O_CREAT | os.O_WRONLY), 0, 1 << 20)',
    );
    for (const when of ["before", "after"]) {
      const [, file] = await describeTree(folder);
      assert.deepEqual(file?.extents, [[0, 1 << 20]], `${when} its pages were read`);
    }
  });

  test("goes deeper than any path can be named", async () => {
    const folder = await oddTree({ beyondTar: true });
    const entries = await describeTree(folder);
    assert.ok(Math.max(...entries.map((entry) => entry.path.length)) > 4096);
  });
});

describe("the odd tree", { skip }, () => {
  test("is the same for the same seed, and another for another", async () => {
    const first = await describeTree(await oddTree({ seed: 3 }));
    assert.deepEqual(differences(first, await describeTree(await oddTree({ seed: 3 }))), []);
    assert.notDeepEqual(differences(first, await describeTree(await oddTree({ seed: 4 }))), []);
  });

  test("is refused where something is", async () => {
    const folder = await oddTree();
    await assert.rejects(makeOddTree(folder), /the directory is not empty/);
  });

  test("holds every kind of entry", async () => {
    const entries = await describeTree(await oddTree({ smallFiles: 3000 }));
    const some = (kind: string, holds: (entry: TreeEntry) => boolean): void => {
      assert.ok(entries.some(holds), `no ${kind}`);
    };
    for (const type of ["directory", "file", "symlink", "fifo", "char", "block", "socket"]) {
      some(type, (entry) => entry.type === type);
    }
    for (const bit of [0o4000, 0o2000, 0o1000]) {
      some(`mode ${bit.toString(8)}`, ({ type, mode }) => type === "file" && (mode & bit) !== 0);
    }
    some("closed folder", ({ type, mode }) => type === "directory" && mode === 0);
    some("closed file", ({ type, mode }) => type === "file" && mode === 0);
    some("large uid", ({ uid }) => uid === 4294967294);
    some("time before 1970", ({ mtime }) => mtime.startsWith("-"));
    some("time after 2400", ({ mtime }) => BigInt(mtime) > 13_600_000_000n * 1_000_000_000n);
    some("hard link", ({ link, path }) => link !== undefined && link !== path);
    some("hard link of a symlink", ({ link, type }) => link !== undefined && type === "symlink");
    some("long target", ({ target }) => target?.length === 4095);
    some("file of holes only", ({ size, extents }) => size !== 0 && extents?.length === 0);
    some("file over 8 GiB", ({ size }) => (size ?? 0) > 8 * 2 ** 30);
    some("NUL in an xattr", ({ xattrs }) => Object.values(xattrs).includes("00"));
    some("empty xattr", ({ xattrs }) => Object.values(xattrs).includes(""));
    some("capability", ({ xattrs }) => "security.capability" in xattrs);
    some(
      "file's ACL",
      ({ type, xattrs }) => type === "file" && "system.posix_acl_access" in xattrs,
    );
    some(
      "folder's ACL",
      ({ path, xattrs }) => path !== "." && "system.posix_acl_default" in xattrs,
    );
    some("path over 1024 bytes", ({ path }) => path.length > 1024);
    some("name of 255 bytes", ({ path }) => path.endsWith("/" + "\u00ff".repeat(255)));
    some("newline in a name", ({ path }) => path.includes("\n"));
    assert.ok(entries.filter(({ path }) => path.startsWith("./many/")).length === 3000);
    assert.match(JSON.stringify(entries[0]), /"mode":2040,"uid":70,.*posix_acl_default.*user.root/);
  });
});

const CREATE =
  "--format=posix --xattrs --xattrs-include=* --acls --numeric-owner --sparse --create --file=- .";
const EXTRACT =
  "--xattrs --xattrs-include=* --acls --numeric-owner -p --warning=no-timestamp --extract --file=-";

/** Root with what the product's helper container is left with. */
const AS_HELPER = [
  "setpriv",
  "--no-new-privs",
  "--inh-caps=-all",
  "--bounding-set=-all,+chown,+dac_override,+fowner,+fsetid,+mknod,+setfcap",
];

/** Copies a tree by way of GNU tar and tells what tar said. */
async function copyByTar(
  source: string,
  target: string,
  prefix: readonly string[],
): Promise<string> {
  const tar = async (directory: string, options: string, input?: Buffer) => {
    // Without the names of users, as in the helper: tar would write them into ACLs.
    const numeric =
      'mount --bind /dev/null /etc/passwd; mount --bind /dev/null /etc/group; exec "$@"';
    const args = [...prefix, "tar", "-C", directory, ...options.split(" ")];
    return attempt("unshare", ["-m", "sh", "-c", numeric, "sh", ...args], input ? { input } : {});
  };
  const created = await tar(source, CREATE);
  assert.equal(created.code, 0, created.stderr);
  const extracted = await tar(target, EXTRACT, created.stdout);
  return created.stderr + extracted.stderr;
}

describe("GNU tar", { skip }, () => {
  for (const [who, prefix] of Object.entries({
    root: [],
    "the helper's capabilities": AS_HELPER,
  })) {
    test(`carries the whole tree as ${who}`, async () => {
      const [source, target] = [await oddTree(), await emptyFolder()];
      const said = await copyByTar(source, target, prefix);
      assert.equal(said, "tar: ./special/socket: socket ignored\n");
      assert.deepEqual(differences(await describeTree(source), await describeTree(target)), [
        "./special/socket: missing (socket)",
      ]);
    });
  }

  test("does not carry these", async () => {
    const [source, target] = [await oddTree({ beyondTar: true }), await emptyFolder()];
    const said = await copyByTar(source, target, AS_HELPER);
    assert.match(said, /Cannot mkdir: File name too long/);
    const lost = differences(
      await describeTree(source, { sockets: false }),
      await describeTree(target, { sockets: false }),
    );
    const short = lost.filter((line) => line.length < 200);
    assert.deepEqual(short, [
      "./beyond/device: hard link to ./beyond/device -> none",
      "./beyond/device-link: hard link to ./beyond/device -> none",
      "./beyond/fifo: hard link to ./beyond/fifo -> none",
      "./beyond/fifo-link: hard link to ./beyond/fifo -> none",
      "./beyond/trusted: xattr trusted.x 0x31 -> none",
    ]);
    assert.match(lost.filter((line) => line.length > 4096).join(), /: missing \(directory\)$/);
  });
});
