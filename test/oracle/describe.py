"""Describes a tree completely, one JSON object a line, sorted bytewise by path.

    describe.py <dir> [--no-sockets]

A file of any name, kind and mode is described; nothing is followed and nothing
is changed, not even access times. Bytes become text as latin-1, one character a
byte, so that any path survives JSON; xattr values are in hexadecimal. Fields:

    path     "." for the directory itself, "./a/b" for what is in it
    type     directory, file, symlink, fifo, char, block or socket
    mode     permission bits with setuid, setgid and sticky, as a number
    uid gid  numbers
    mtime    nanoseconds since 1970, as a string: more than a double can hold
    xattrs   name -> value, everything the kernel lists but security.selinux
    link     the bytewise first path of the same inode, where there are several
    size sha256 extents block   of files
    target   of symlinks
    rdev     "major:minor" of devices

extents are the [start, end) byte ranges that take room, in whole blocks of
`block` bytes: data as SEEK_DATA tells it, and space that was preallocated but
never written, which that calls a hole or data as the page cache has it. The
digest of a file of more than WHOLE_DIGEST_MAX bytes leaves out blocks of zeros
(else a hole of 9 GiB would take its time); whether a zero was written or is a
hole never changes a digest.
"""

import argparse
import errno
import fcntl
import hashlib
import json
import os
import resource
import stat
import struct
import sys
from collections.abc import Iterator

LEFT_OUT = {b"security.selinux"}
WHOLE_DIGEST_MAX = 64 << 20
CHUNK = 1 << 20
DIGEST_BLOCK = 4096

# From linux/fiemap.h.
FS_IOC_FIEMAP = 0xC020660B
FIEMAP_HEADER = 32
FIEMAP_EXTENT = 56
MAPPED_AT_ONCE = 512
MAX_LENGTH = 2**64 - 1

TYPES = {
    stat.S_IFDIR: "directory",
    stat.S_IFREG: "file",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
    stat.S_IFSOCK: "socket",
}

Entry = dict[str, object]
Inode = tuple[int, int]


def walk(folder: int, prefix: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """Every entry below an open directory as (path, directory fd, name).

    It goes by descriptors, so that paths may be longer than PATH_MAX.
    """
    for name in sorted(os.listdir(folder)):
        entry = os.fsencode(name)
        yield prefix + b"/" + entry, folder, entry
        if stat.S_ISDIR(os.stat(entry, dir_fd=folder, follow_symlinks=False).st_mode):
            inner = os.open(entry, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NOATIME, dir_fd=folder)
            try:
                yield from walk(inner, prefix + b"/" + entry)
            finally:
                os.close(inner)


def text(value: bytes) -> str:
    return value.decode("latin-1")


def xattrs_of(folder: int, name: bytes) -> dict[str, str]:
    # There is no getxattr relative to a directory, but /proc makes one.
    path = b"/proc/self/fd/%d/%s" % (folder, name)
    try:
        names = sorted(os.fsencode(each) for each in os.listxattr(path, follow_symlinks=False))
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return {}
        raise
    return {text(each): os.getxattr(path, each, follow_symlinks=False).hex() for each in names if each not in LEFT_OUT}


def data_ranges(file: int, size: int) -> Iterator[tuple[int, int]]:
    position = 0
    while position < size:
        try:
            start = os.lseek(file, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break
            raise
        position = os.lseek(file, start, os.SEEK_HOLE)
        yield start, position


def mapped_ranges(file: int) -> Iterator[tuple[int, int]]:
    """What the file system has room for, written or not; nothing where it can't tell."""
    position = 0
    while True:
        request = struct.pack("<QQIIII", position, MAX_LENGTH - position, 0, 0, MAPPED_AT_ONCE, 0)
        buffer = bytearray(request + bytes(FIEMAP_EXTENT * MAPPED_AT_ONCE))
        try:
            fcntl.ioctl(file, FS_IOC_FIEMAP, buffer)
        except OSError:
            return
        count = struct.unpack_from("<I", buffer, 20)[0]
        for number in range(count):
            start, _, length = struct.unpack_from("<QQQ", buffer, FIEMAP_HEADER + number * FIEMAP_EXTENT)
            position = start + length
            yield start, position
        if count < MAPPED_AT_ONCE:
            return


def extents_of(file: int, size: int, block: int) -> list[list[int]]:
    """The ranges that take room, rounded outwards to blocks, neighbours joined."""
    ranges = list(data_ranges(file, size))
    if sum(end - start for start, end in ranges) < size:
        ranges += mapped_ranges(file)
    found: list[list[int]] = []
    for start, end in sorted(ranges):
        first, last = start // block * block, -(-min(end, size) // block) * block
        if found and found[-1][1] >= first:
            found[-1][1] = max(found[-1][1], last)
        elif last > first:
            found.append([first, last])
    return found


def digest_of(file: int, size: int, extents: list[list[int]]) -> str:
    digest = hashlib.sha256()
    if size <= WHOLE_DIGEST_MAX:
        offset = 0
        while chunk := os.pread(file, CHUNK, offset):
            digest.update(chunk)
            offset += len(chunk)
        return digest.hexdigest()
    for start, end in extents:
        for offset in range(start // DIGEST_BLOCK * DIGEST_BLOCK, min(end, size), DIGEST_BLOCK):
            block = os.pread(file, DIGEST_BLOCK, offset)
            if block.strip(b"\0"):
                digest.update(struct.pack("<QI", offset, len(block)) + block)
    return digest.hexdigest()


def content_of(folder: int, name: bytes, status: os.stat_result) -> Entry:
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NOATIME, dir_fd=folder)
    try:
        block = os.fstatvfs(file).f_bsize
        extents = extents_of(file, status.st_size, block)
        digest = digest_of(file, status.st_size, extents)
    finally:
        os.close(file)
    return {"size": status.st_size, "sha256": digest, "extents": extents, "block": block}


def describe(path: bytes, folder: int, name: bytes, first_paths: dict[Inode, bytes]) -> Entry:
    status = os.stat(name, dir_fd=folder, follow_symlinks=False)
    kind = TYPES[stat.S_IFMT(status.st_mode)]
    entry: Entry = {
        "path": text(path),
        "type": kind,
        "mode": stat.S_IMODE(status.st_mode),
        "uid": status.st_uid,
        "gid": status.st_gid,
        "mtime": str(status.st_mtime_ns),
        "xattrs": xattrs_of(folder, name),
    }
    if (first := first_paths.get((status.st_dev, status.st_ino))) is not None:
        entry["link"] = text(first)
    if kind == "file":
        entry.update(content_of(folder, name, status))
    elif kind == "symlink":
        entry["target"] = text(os.readlink(name, dir_fd=folder))
    elif kind in ("char", "block"):
        entry["rdev"] = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
    return entry


def link_groups(root: int) -> dict[Inode, bytes]:
    """The first path of every inode that has several names within the tree."""
    paths: dict[Inode, list[bytes]] = {}
    for path, folder, name in walk(root, b"."):
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            paths.setdefault((status.st_dev, status.st_ino), []).append(path)
    return {inode: min(names) for inode, names in paths.items() if len(names) > 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory")
    parser.add_argument("--no-sockets", action="store_true", help="leave sockets out")
    options = parser.parse_args()
    # The walk holds a descriptor and a few frames for every level of the tree.
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    sys.setrecursionlimit(100_000)
    root = os.open(options.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOATIME)
    first_paths = link_groups(root)
    # The walk closes directories behind it: describe each entry as it comes.
    lines = [(b".", json.dumps(describe(b".", root, b".", first_paths)))]
    for path, folder, name in walk(root, b"."):
        entry = describe(path, folder, name, first_paths)
        if not (options.no_sockets and entry["type"] == "socket"):
            lines.append((path, json.dumps(entry)))
    for _, line in sorted(lines):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
