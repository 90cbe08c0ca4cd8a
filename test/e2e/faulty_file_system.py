"""Shows a folder through FUSE, read-only, with the faults that a JSON text names.

usage: faulty_file_system.py FOLDER MOUNT_POINT FAULTS

    blocks         how many blocks each file is said to have
    no_blocks      names of files that are said to have none
    read_error     by file name: the offset from which reading fails
    short_read     by file name: the offset at which its content seems to end
    heals          names of files that can be read when they are opened once more
    list_error     names of files whose attributes cannot be listed
    get_error      names of files whose attributes cannot be read
    no_attributes  whether there are none at all
    hidden         names of files that are shown, and of which opening says that there are none
"""

import errno
import json
import os
import sys

import fusepy


class Faulty(fusepy.Operations):
    def __init__(self, folder, faults):
        self.folder = folder
        self.faults = faults
        self.failed = set()

    def __call__(self, operation, path, *args):
        return getattr(self, operation)(self.folder + path, *args)

    def has(self, fault, path):
        return os.path.basename(path) in self.faults.get(fault, ())

    def getattr(self, path, handle=None):
        try:
            found = os.lstat(path)
        except OSError as error:
            raise fusepy.FuseOSError(error.errno)
        names = "atime ctime mtime gid uid mode nlink size ino blocks".split()
        shown = {f"st_{name}": getattr(found, f"st_{name}") for name in names}
        if "blocks" in self.faults and os.path.isfile(path):
            shown["st_blocks"] = self.faults["blocks"]
        if self.has("no_blocks", path):
            shown["st_blocks"] = 0
        return shown

    def statfs(self, path):
        found = os.statvfs(path)
        names = "bavail bfree blocks bsize favail ffree files flag frsize namemax".split()
        return {f"f_{name}": getattr(found, f"f_{name}") for name in names}

    def readdir(self, path, handle):
        return [".", "..", *os.listdir(path)]

    def readlink(self, path):
        return os.readlink(path)

    def open(self, path, flags):
        if self.has("hidden", path):
            raise fusepy.FuseOSError(errno.ENOENT)
        if self.has("heals", path) and path in self.failed:
            self.faults["read_error"].pop(os.path.basename(path), None)
        return os.open(path, os.O_RDONLY)

    def read(self, path, size, offset, handle):
        bad = self.faults.get("read_error", {}).get(os.path.basename(path))
        if bad is not None and offset + size > bad:
            self.failed.add(path)
            raise fusepy.FuseOSError(errno.EIO)
        end = self.faults.get("short_read", {}).get(os.path.basename(path), offset + size)
        return os.pread(handle, max(0, min(size, end - offset)), offset)

    def release(self, path, handle):
        os.close(handle)

    def listxattr(self, path):
        if self.faults.get("no_attributes"):
            raise fusepy.FuseOSError(errno.EOPNOTSUPP)
        if self.has("list_error", path):
            raise fusepy.FuseOSError(errno.EIO)
        return os.listxattr(path)

    def getxattr(self, path, name, position=0):
        if self.faults.get("no_attributes"):
            raise fusepy.FuseOSError(errno.EOPNOTSUPP)
        if self.has("get_error", path):
            raise fusepy.FuseOSError(errno.EIO)
        try:
            return os.getxattr(path, name)
        except OSError as error:
            raise fusepy.FuseOSError(error.errno)


fusepy.FUSE(
    Faulty(sys.argv[1], json.loads(sys.argv[3])),
    sys.argv[2],
    foreground=True,
    nothreads=True,
    ro=True,
    allow_other=True,
    use_ino=True,
)
