"""Makes a tree that holds every kind of entry a Docker volume can hold.

    odd_tree.py make <dir> [--seed N] [--small-files N] [--beyond-tar]

<dir> is made when missing and must be empty; its own metadata is made odd too.
The same seed gives the same tree. Needs root, because of owners, devices and
capabilities. GNU tar carries all of it but the sockets; --beyond-tar adds what
it cannot carry. Nothing here knows the product or any archiver: what this makes,
describe.py tells, and the two together judge a copy.
"""

import argparse
import os
import random
import socket
import stat
import struct
import sys

SECOND_NS = 1_000_000_000
BLOCK = 4096

Path = bytes


class Tree:
    """Makes entries relative to the working directory and remembers their mtimes.

    Times are set in the end: making a child changes its directory's mtime.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.mtimes: dict[Path, int] = {}

    def directory(self, path: Path, **metadata: object) -> None:
        os.mkdir(path)
        self.dress(path, **{"mode": 0o755, **metadata})

    def file(self, path: Path, content: bytes = b"", **metadata: object) -> None:
        with open(path, "xb") as out:
            out.write(content)
        self.dress(path, **{"mode": 0o644, **metadata})

    def symlink(self, path: Path, target: bytes, **metadata: object) -> None:
        os.symlink(target, path)
        self.dress(path, **metadata)

    def node(self, path: Path, kind: int, major: int = 0, minor: int = 0, **metadata: object) -> None:
        os.mknod(path, kind | 0o600, os.makedev(major, minor))
        self.dress(path, **{"mode": 0o640, **metadata})

    def sparse(self, path: Path, size: int, data: list[tuple[int, int]], **metadata: object) -> None:
        """A file of `size` bytes which holds data only at the given (offset, length)s."""
        with open(path, "xb") as out:
            out.truncate(size)
            for offset, length in data:
                os.pwrite(out.fileno(), self.random.randbytes(length), offset)
        self.dress(path, **{"mode": 0o644, **metadata})

    def dress(
        self,
        path: Path,
        mode: int | None = None,
        owner: tuple[int, int] = (0, 0),
        mtime_ns: int | None = None,
        xattrs: dict[bytes, bytes] | None = None,
    ) -> None:
        """Gives an entry its metadata, in the only order in which all of it stays.

        chown drops setuid bits and capabilities; chmod changes an ACL's mask,
        so that an ACL comes last and says the group bits itself.
        """
        os.chown(path, *owner, follow_symlinks=False)
        if mode is not None:
            os.chmod(path, mode)
        for name, value in (xattrs or {}).items():
            os.setxattr(path, name, value, follow_symlinks=False)
        if mtime_ns is not None:
            self.mtimes[path] = mtime_ns

    def set_times(self) -> None:
        for directory, folders, files in os.walk(b".", topdown=False):
            for name in sorted(folders) + sorted(files):
                path = os.path.join(directory, name)[2:]
                mtime_ns = self.mtimes.get(path)
                self.set_time(path, self.some_time() if mtime_ns is None else mtime_ns)

    def set_time(self, path: Path, mtime_ns: int) -> None:
        os.utime(path, ns=(0, mtime_ns), follow_symlinks=False)

    def some_time(self) -> int:
        return self.random.randrange(SECOND_NS * 10**9, SECOND_NS * 2 * 10**9)


# --- values ---------------------------------------------------------------

USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
NO_ID = 0xFFFFFFFF
ACCESS, DEFAULT = b"system.posix_acl_access", b"system.posix_acl_default"
CAPABILITY = b"security.capability"


def acl(*entries: tuple[int, int] | tuple[int, int, int]) -> bytes:
    """An ACL as the kernel takes it: (tag, permissions[, id]) after a version."""
    packed = [struct.pack("<HHI", *(entry if len(entry) == 3 else (*entry, NO_ID))) for entry in entries]
    return struct.pack("<I", 2) + b"".join(packed)


def capability(permitted: int, effective: bool, root_id: int | None = None) -> bytes:
    """A file capability, revision 2, or 3 when it belongs to a user namespace."""
    revision = 0x02000000 if root_id is None else 0x03000000
    words = struct.pack("<IIIII", revision | int(effective), permitted & NO_ID, 0, permitted >> 32, 0)
    return words if root_id is None else words + struct.pack("<I", root_id)


def seconds(whole: int, ns: int = 0) -> int:
    return whole * SECOND_NS + ns


# --- one function a topic ---------------------------------------------------


def make_owners(tree: Tree) -> None:
    tree.directory(b"owners", owner=(1000, 1000))
    # 2097151 is the largest id a plain tar header holds, 4294967294 the largest there is.
    for uid, gid in [(0, 0), (1, 2), (999, 0), (0, 999), (65534, 65534), (2097151, 2097152), (4294967294, 4294967294)]:
        name = b"owners/%d-%d" % (uid, gid)
        tree.file(name, name, owner=(uid, gid))
        tree.directory(name + b".d", owner=(uid, gid))
        tree.symlink(name + b".l", b"target", owner=(uid, gid))
    tree.file(b"owners/setid-of-another", b"x", mode=0o6755, owner=(1234, 4321))
    tree.directory(b"owners/setgid-of-another", mode=0o2770, owner=(1234, 4321))


def make_modes(tree: Tree) -> None:
    tree.directory(b"modes")
    for mode in [0, 0o400, 0o200, 0o111, 0o644, 0o666, 0o777, 0o1644, 0o2644, 0o4644, 0o2711, 0o4755, 0o6755, 0o7777]:
        tree.file(b"modes/f%04o" % mode, b"%o" % mode, mode=mode, owner=(33, 33))
        tree.directory(b"modes/d%04o" % mode, mode=mode, owner=(33, 33))
        tree.file(b"modes/d%04o/inside" % mode, b"inside", mode=0o600)
    tree.directory(b"modes/read-only", mode=0o555, owner=(33, 33))
    tree.file(b"modes/read-only/file", b"x", mode=0o444, owner=(33, 33))
    tree.directory(b"modes/read-only/folder", mode=0o555, owner=(33, 33))
    tree.file(b"modes/read-only/folder/file", b"x", mode=0o000)


def make_times(tree: Tree) -> None:
    tree.directory(b"times", mtime_ns=seconds(-86400, 1))
    times = {
        b"1901": seconds(-(2**31), 1),
        b"1969-one-ns-before-epoch": -1,
        b"1969-half-second": seconds(-2, 500_000_001),
        b"1969-whole-second": seconds(-1),
        b"1970-epoch": 0,
        b"1970-one-ns": 1,
        b"2001-trailing-zeros": seconds(10**9, 120_000_000),
        b"2033-last-ns": seconds(2 * 10**9, 999_999_999),
        b"2038-past-31-bits": seconds(2**31, 1),
        b"2106-past-32-bits": seconds(2**32, 1),
        b"2242-past-a-tar-field": seconds(2**33, 123_456_789),
        # ext4 ends in 2446.
        b"2446-far-future": seconds(15_000_000_000, 987_654_321),
    }
    for name, mtime_ns in times.items():
        tree.file(b"times/" + name, name, mtime_ns=mtime_ns)
        tree.directory(b"times/" + name + b".d", mtime_ns=mtime_ns)
        tree.symlink(b"times/" + name + b".l", b"x", mtime_ns=mtime_ns)


def make_hard_links(tree: Tree) -> None:
    for folder in [b"hard", b"hard/z", b"hard/a", b"hard/m"]:
        tree.directory(folder)
    tree.file(b"hard/m/file", b"linked", mode=0o4711, owner=(7, 8), xattrs={b"user.linked": b"yes"})
    tree.file(b"hard/empty", b"", mode=0o600)
    tree.symlink(b"hard/symlink", b"/absolute/and/dangling")
    tree.symlink(b"hard/symlink-inside", b"m/file")
    tree.sparse(b"hard/sparse", 1 << 20, [(512 << 10, 100)])
    tree.file(b"hard/a/" + b"n" * 200, b"a link whose name does not fit in a tar header")
    for name in [b"file-1", b"file-2"]:
        os.link(b"hard/m/file", b"hard/a/" + name)
        os.link(b"hard/m/file", b"hard/z/" + name)
    os.link(b"hard/m/file", b"hard/a/\xff\n link")
    os.link(b"hard/a/" + b"n" * 200, b"hard/z/" + b"n" * 201)
    for name in [b"empty", b"symlink", b"symlink-inside", b"sparse"]:
        os.link(b"hard/" + name, b"hard/z/" + name, follow_symlinks=False)


def make_symlinks(tree: Tree) -> None:
    tree.directory(b"symlinks")
    tree.directory(b"symlinks/folder")
    tree.file(b"symlinks/folder/file", b"x")
    targets = {
        b"dangling": b"nowhere",
        b"absolute": b"/etc/passwd",
        b"absolute-dangling": b"/no/such/place",
        b"relative": b"folder/file",
        b"to-folder": b"folder",
        b"to-folder-slash": b"folder/",
        b"to-parent": b"..",
        b"out-of-the-tree": b"../../../../../../etc/passwd",
        b"to-itself": b"to-itself",
        b"to-root": b"/",
        b"100-bytes": b"t" * 100,
        b"101-bytes": b"t" * 101,
        b"longest": (b"long/" * 819)[:4095],
        b"odd-bytes": b"\xff\xfe\n\t\\ '\"*",
        b"option": b"--checkpoint-action=exec=sh",
    }
    for name, target in targets.items():
        tree.symlink(b"symlinks/" + name, target)


def make_sparse(tree: Tree) -> None:
    tree.directory(b"sparse")
    mib = 1 << 20
    tree.sparse(b"sparse/hole-at-start", 4 * mib, [(3 * mib, mib)])
    tree.sparse(b"sparse/hole-in-middle", 4 * mib, [(0, 5000), (3 * mib, mib)])
    tree.sparse(b"sparse/hole-at-end", 4 * mib, [(0, 5000)])
    tree.sparse(b"sparse/only-a-hole", 4 * mib, [])
    tree.sparse(b"sparse/unaligned", 1_234_567, [(500_001, 3), (1_200_000, 17)])
    tree.sparse(b"sparse/many-holes", 16 * mib, [(n * 16 * BLOCK, BLOCK) for n in range(256)])
    tree.sparse(b"sparse/odd name \xff\n", mib, [(mib - 10, 10)], mode=0o4750, owner=(5, 6))
    tree.sparse(b"sparse/" + b"s" * 248, mib, [(mib - 1, 1)])
    tree.sparse(b"sparse/with-xattrs", mib, [(BLOCK, 1)], xattrs={b"user.sparse": b"a\0b"})
    tree.sparse(b"sparse/past-8-gib", (9 << 30) + 7, [(0, 10), (5 << 30, BLOCK), ((9 << 30), 7)])
    tree.file(b"sparse/zeros-but-no-hole", b"\0" * mib)
    tree.sparse(b"sparse/preallocated", mib, [(0, 100)])
    with open(b"sparse/preallocated", "r+b") as out:
        os.posix_fallocate(out.fileno(), 0, mib)


def make_xattrs(tree: Tree) -> None:
    tree.directory(b"xattrs", xattrs={b"user.folder": b"\0\1\2", b"user.second": b"2"})
    values = {
        b"text": {b"user.text": b"text"},
        b"binary": {b"user.binary": bytes(range(256))},
        b"nul": {b"user.nul": b"\0", b"user.nuls": b"\0\0a\0\0"},
        b"newline": {b"user.newline": b"\n", b"user.lines": b"a\nb=c\n12 d=e\n"},
        b"equals": {b"user.equals": b"=", b"user.more": b"a=b=c"},
        b"empty": {b"user.empty": b""},
        b"empty-among-others": {b"user.1": b"one", b"user.2": b"", b"user.3": b"three"},
        # ext4 keeps a file's attributes in one block of 4096 bytes.
        b"large": {b"user.large": tree.random.randbytes(3800)},
        b"many": {b"user.%d" % n: b"v" * (n % 7) + b"." for n in range(60)},
        b"odd-names": {b"user.a=b": b"1", b"user.a%3Db": b"2", b"user.100%": b"3", b"user.new\nline": b"4"},
        b"byte-names": {b"user.\xff\xfe": b"1", b"user.\xc3\xa9": b"2", b"user.a/b *?[x]\\": b"3", b"user..": b"4"},
        b"longest-name": {b"user." + b"n" * 250: b"1"},
    }
    for name, xattrs in values.items():
        tree.file(b"xattrs/" + name, name, xattrs=xattrs)
    tree.file(b"xattrs/mode-0", b"x", mode=0, xattrs={b"user.x": b"\0"})
    tree.file(b"xattrs/sized-0", b"", xattrs={b"user.x": b"\0"})
    tree.directory(b"xattrs/sticky", mode=0o1777, owner=(3, 3), xattrs={b"user.sticky": b"1"})
    tree.directory(b"xattrs/mode-0.d", mode=0, xattrs={b"user.x": b"1"})
    ping = capability(1 << 13, True)
    tree.file(b"xattrs/capability", b"x", mode=0o755, owner=(9, 9), xattrs={CAPABILITY: ping})
    tree.file(b"xattrs/capability-namespaced", b"x", mode=0o755, xattrs={CAPABILITY: capability(1 << 38, False, 100000)})
    tree.file(b"xattrs/capability-read-only", b"x", mode=0o555, owner=(9, 9), xattrs={CAPABILITY: ping, b"user.x": b"1"})


def make_acls(tree: Tree) -> None:
    # 1 is in every passwd file, under a name; an ACL must keep the number.
    access = acl((USER_OBJ, 6), (USER, 4, 1), (USER, 6, 4000000000), (GROUP_OBJ, 0), (GROUP, 7, 4), (MASK, 6), (OTHER, 0))
    default = acl((USER_OBJ, 7), (USER, 7, 12345), (GROUP_OBJ, 5), (MASK, 7), (OTHER, 5))
    plain = acl((USER_OBJ, 7), (GROUP_OBJ, 7), (OTHER, 0))
    tree.directory(b"acls")
    tree.file(b"acls/access", b"x", owner=(1000, 1000), xattrs={ACCESS: access})
    tree.file(b"acls/access-and-xattr", b"x", xattrs={ACCESS: access, b"user.x": b"1"})
    tree.file(b"acls/setuid", b"x", mode=0o6755, xattrs={ACCESS: access})
    masked = acl((USER_OBJ, 6), (USER, 7, 1000), (GROUP_OBJ, 7), (MASK, 0), (OTHER, 0))
    tree.file(b"acls/masked", b"x", xattrs={ACCESS: masked})
    tree.node(b"acls/fifo", stat.S_IFIFO, xattrs={ACCESS: access})
    tree.node(b"acls/device", stat.S_IFBLK, 7, 3, xattrs={ACCESS: access})
    # Children come first: later they would inherit the default ACL.
    for name, xattrs in {b"default": {DEFAULT: default}, b"both": {ACCESS: access, DEFAULT: default}, b"minimal-default": {DEFAULT: plain}}.items():
        tree.directory(b"acls/" + name, mode=0o2770, owner=(1, 1))
        tree.file(b"acls/" + name + b"/without-acl", b"x", mode=0o640)
        tree.directory(b"acls/" + name + b"/folder-without-acl", mode=0o750)
        tree.node(b"acls/" + name + b"/fifo-without-acl", stat.S_IFIFO)
        tree.symlink(b"acls/" + name + b"/symlink", b"without-acl")
        tree.dress(b"acls/" + name, mode=0o3770, owner=(1, 1), xattrs=xattrs)
        tree.file(b"acls/" + name + b"/inherits", b"x", mode=0o664)
        tree.directory(b"acls/" + name + b"/folder-inherits", mode=0o775)


def make_specials(tree: Tree) -> None:
    tree.directory(b"special")
    tree.node(b"special/fifo", stat.S_IFIFO, owner=(11, 12), mode=0o622)
    tree.node(b"special/null", stat.S_IFCHR, 1, 3, mode=0o666)
    tree.node(b"special/largest-char", stat.S_IFCHR, 4095, 1048575)
    tree.node(b"special/loop0", stat.S_IFBLK, 7, 0, owner=(0, 6), mode=0o660)
    tree.node(b"special/large-block", stat.S_IFBLK, 259, 65536)
    tree.node(b"special/mode-0", stat.S_IFIFO, mode=0)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(b"special/socket")
    tree.dress(b"special/socket", mode=0o777, owner=(13, 13))
    for folder in [b"special/empty", b"special/empty/nested", b"special/empty/nested/empty"]:
        tree.directory(folder)


def make_names(tree: Tree) -> None:
    tree.directory(b"names")
    tree.directory(b"names/bytes")
    for byte in range(1, 256):
        if bytes([byte]) not in b"./":
            tree.file(b"names/bytes/" + bytes([byte]), b"%d" % byte)
    words = [b"new\nline", b"tab\t", b"\xff\xfe\xfd", b"caf\xc3\xa9", b"cafe\xcc\x81", b"latin1-\xe9", b"\xed\xa0\x80"]
    words += [b"-", b"--", b"-rf", b"--checkpoint=1", b"--checkpoint-action=exec=sh", b"--to-command=sh", b"@file"]
    words += [b" ", b"   ", b" leading", b"trailing  ", b"...", b"..a", b".hidden", b"a\\b", b"\\n", b"\\012", b"\\"]
    words += [b"'", b'"', b"`id`", b"$(id)", b"$HOME", b"*", b"?", b"[a-z]", b"{a,b}", b"!", b"#", b"~", b"a;b", b"a|b", b"a&b", b"%d%s%n"]
    words += [b".wh.whiteout", b"C:\\x", b"host:file", b"a:b", b"\r", b"\x1b[31m", b"PaxHeaders.1", b"GNUSparseFile.0", b"lost+found"]
    words += [b"x" * 255, b"\xff" * 255, b"\xe2\x82\xac" * 85, b"x" * 100, b"x" * 99]
    for word in words:
        tree.file(b"names/" + word, word)
    # Names that only look alike must stay apart.
    for word in [b"case", b"CASE", b"Case"]:
        tree.directory(b"names/" + word)
    # Bytewise, "sort-" comes before "sort/file".
    tree.directory(b"names/sort")
    tree.file(b"names/sort/file")
    tree.file(b"names/sort-")
    tree.directory(b"names/fo\nlder \xff")
    tree.file(b"names/fo\nlder \xff/file", b"x")


def make_paths(tree: Tree) -> None:
    tree.directory(b"paths")
    for component, depth in [(b"d" * 90, 3), (b"e" * 255, 6), (b"\xffg" * 100, 11), (b"h", 400)]:
        path = b"paths"
        for _ in range(depth):
            path += b"/" + component
            tree.directory(path)
        tree.file(path + b"/file", path)
        tree.symlink(path + b"/symlink", path[:4000])
        os.link(path + b"/file", path + b"/link")
    # Around the 100 and 256 bytes that a plain tar header holds.
    for length in [98, 99, 100, 101, 154, 155, 156, 254, 255]:
        tree.file(b"paths/" + b"p" * (length - len(b"paths/")), b"%d" % length)


def make_sizes(tree: Tree, small_files: int) -> None:
    tree.directory(b"sizes")
    for size in [0, 1, 511, 512, 513, 1023, 1024, 1025, 4095, 4096, 4097, 10239, 10240, 10241, 1048575, 1048577]:
        tree.file(b"sizes/%d" % size, tree.random.randbytes(size))
    tree.directory(b"many")
    for number in range(small_files):
        tree.file(b"many/%05d" % number, b"%d\n" % number * (number % 5), owner=(number % 3, 0))


def make_beyond_tar(tree: Tree) -> None:
    """What GNU tar 1.34 loses: see the test that says what becomes of each."""
    tree.directory(b"beyond")
    tree.node(b"beyond/fifo", stat.S_IFIFO)
    tree.node(b"beyond/device", stat.S_IFCHR, 1, 5)
    for name in [b"fifo", b"device"]:
        os.link(b"beyond/" + name, b"beyond/" + name + b"-link", follow_symlinks=False)
    tree.file(b"beyond/trusted", b"x", xattrs={b"trusted.x": b"1"})
    folder = os.open(b"beyond", os.O_RDONLY)
    for _ in range(21):
        os.mkdir(b"d" * 200, dir_fd=folder)
        inner = os.open(b"d" * 200, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(folder)


def dress_root(tree: Tree) -> None:
    """The root directory's own metadata is part of a volume, too."""
    access = acl((USER_OBJ, 7), (USER, 5, 1), (GROUP_OBJ, 7), (MASK, 7), (OTHER, 0))
    default = acl((USER_OBJ, 7), (USER, 7, 70), (GROUP_OBJ, 5), (MASK, 7), (OTHER, 0))
    xattrs = {b"user.root": b"a\0b\n=", ACCESS: access, DEFAULT: default}
    tree.dress(b".", mode=0o3770, owner=(70, 4000000001), xattrs=xattrs)


def make(root: Path, seed: int, small_files: int, beyond_tar: bool) -> None:
    os.makedirs(root, exist_ok=True)
    os.chdir(root)
    if os.listdir(b"."):
        sys.exit("odd_tree.py: the directory is not empty")
    # What the directory or its parent hands down must not shape the tree.
    os.umask(0o022)
    for name in os.listxattr(b"."):
        os.removexattr(b".", name)
    os.chmod(b".", 0o755)
    os.chown(b".", 0, 0)
    tree = Tree(seed)
    for topic in [make_owners, make_modes, make_times, make_hard_links, make_symlinks, make_sparse, make_xattrs]:
        topic(tree)
    for topic in [make_acls, make_specials, make_names, make_paths]:
        topic(tree)
    make_sizes(tree, small_files)
    dress_root(tree)
    tree.set_times()
    if beyond_tar:
        make_beyond_tar(tree)
    tree.set_time(b".", seconds(1_234_567_890, 123_456_789))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("make", help="make the tree")
    command.add_argument("directory")
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--small-files", type=int, default=3000)
    command.add_argument("--beyond-tar", action="store_true")
    options = parser.parse_args()
    make(os.fsencode(options.directory), options.seed, options.small_files, options.beyond_tar)


if __name__ == "__main__":
    main()
