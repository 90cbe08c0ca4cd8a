import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { run } from "./host.ts";
import { emptyFolder, skip } from "./scratch.ts";
import { describeTree, differences, parseTree, type Extent, type TreeEntry } from "./tree.ts";

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
