import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { attempt, run } from "./host.ts";
import { emptyFolder, newPath, skip } from "./scratch.ts";
import {
  describeTree,
  differences,
  makeOddTree,
  type OddTreeOptions,
  type TreeEntry,
} from "./tree.ts";

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
