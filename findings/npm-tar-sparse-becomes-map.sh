#!/bin/sh
# npm's tar extracts a sparse file as its map and its data run together, under another path, and says nothing.
#
# Software: tar 7.5.2 of npm (node-tar), on Node.js 18 or later; the archive is made by GNU tar 1.34
#   (Debian 12), `--sparse --format=posix`. Needs no root.
# Expected: the file as it was, or an error. The package reads pax headers, and `strict: true` makes
#   errors of its warnings.
# What happens: the headers GNU.sparse.name, .realsize, .major and .minor are passed over. The file comes out as
#   GNUSparseFile.<number>/<name>, and holds the map as text, zeros, then the blocks of data, one after the
#   other. There is no warning and no error, with `strict: true` either.
# Output seen:
#   original:  disk, 1048576 bytes
#   extracted: GNUSparseFile.N/disk, 4608 bytes, begins with "2 499712 4096 1048576 0"
#   what was said: nothing
# Why it matters: disk images, databases and logs with holes are what backups of volumes are made of.
#   GNU tar writes them so where it is asked to look for holes. A restore by a script on
#   Node.js ends well and brings back other files than were saved.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
cd "$work"
npm install --silent --no-audit --no-fund --prefix "$work" tar@7.5.2 || {
  echo "cannot install tar 7.5.2 from npm" >&2
  exit 2
}
mkdir original extracted
truncate -s 1M original/disk
printf data | dd of=original/disk bs=1 seek=500000 conv=notrunc status=none
tar --create --sparse --format=posix --file=archive.tar --directory=original .

said=$(node --input-type=commonjs --eval '
  require("tar")
    .x({ file: "archive.tar", cwd: "extracted", strict: true, onwarn: (code) => console.log(code) })
    .catch((error) => console.log(error.message));
')
found=$(cd extracted && find . -name disk)
bytes=$(stat -c %s "extracted/$found")
begins=$(head -n 5 "extracted/$found" | head -c 40 | tr '\n' ' ' | tr -d '\0')
echo "original:  disk, $(stat -c %s original/disk) bytes"
echo "extracted: ${found#./}, $bytes bytes, begins with \"${begins% }\""
echo "what was said: ${said:-nothing}"
case $found in ./GNUSparseFile.*/disk) ;; *) found= ;; esac
if [ -n "$found" ] && [ -z "$said" ] && ! cmp -s original/disk "extracted/$found" &&
  [ "$begins" = '2 499712 4096 1048576 0 ' ]; then
  echo "as stated"
else
  echo "CHANGED" >&2
  exit 1
fi
