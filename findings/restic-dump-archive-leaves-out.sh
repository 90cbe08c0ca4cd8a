#!/bin/sh
# `restic dump --archive tar` leaves out FIFOs and turns hard links into copies, and exits 0.
#
# Software: restic 0.14.0 (Debian 12). Needs no root.
# Expected: a tar archive can hold FIFOs, hard links and fractions of a second. The snapshot has them:
#   `restic restore` of the same snapshot brings them back. So the archive has them, too.
# What happens: the FIFO is missing from the archive, two hard-linked names become two files that
#   take up space twice, and times are rounded to whole seconds, up as well as down (.987 becomes the next
#   second). No message, exit status 0.
# Output seen:
#   in the original:    pipe, hard link, 2026-01-01 00:00:00.987
#   by restic restore:  pipe, hard link, 2026-01-01 00:00:00.987
#   by restic dump:     no pipe, no hard link, 2026-01-01 00:00:01.000
# Why it matters: `restic dump ... | tar x` is the natural way to restore into a container or over ssh,
#   and to hand on a snapshot without restic. A program that waits at its FIFO does not start, a tree
#   of hard-linked generations no longer fits on its disk, and tools that compare times take every
#   file for changed.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
cd "$work"
set -- restic=0.14.0-1+b5 tar=1.34+dfsg-1.2+deb12u1
apt-get -qq -o APT::Sandbox::User=root download "$@" || {
  echo "cannot download $* (has apt-get update been run? newer versions may have replaced them)" >&2
  exit 2
}
for package in *.deb; do dpkg-deb -x "$package" root; done
export RESTIC_PASSWORD=harmless TZ=UTC
restic() { "$work/root/usr/bin/restic" --quiet --no-cache --repo "$work/repository" "$@"; }

mkdir -p original/tree restored dumped
echo text >original/tree/file
touch -d '2026-01-01 00:00:00.987' original/tree/file
ln original/tree/file original/tree/same-file
mkfifo original/tree/pipe

restic init
(cd original && restic backup tree)
restic restore latest --target restored
restic dump latest / --archive tar >dump.tar
root/bin/tar -C dumped -xf dump.tar

describe() {
  pipe="something else for the pipe" link="no hard link"
  if [ -p "$1/tree/pipe" ]; then pipe=pipe; elif [ ! -e "$1/tree/pipe" ]; then pipe="no pipe"; fi
  if [ "$(stat -c %h "$1/tree/file")" -eq 2 ]; then link="hard link"; fi
  echo "$pipe, $link, $(stat -c %y "$1/tree/file" | cut -c1-23)"
}
echo "in the original:    $(describe original)"
echo "by restic restore:  $(describe restored)"
echo "by restic dump:     $(describe dumped)"
if [ "$(describe restored)" = "$(describe original)" ] &&
  [ "$(describe dumped)" = "no pipe, no hard link, 2026-01-01 00:00:01.000" ]; then
  echo "as stated"
else
  echo "CHANGED" >&2
  exit 1
fi
