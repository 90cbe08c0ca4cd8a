#!/bin/sh
# On mergerfs, renaming a folder that is on two disks may move one half of it and leave the other where it was.
#
# Software: mergerfs 2.33.5 (Debian 12) with its default policy (epmfs). Needs root and FUSE.
# Expected: rename(2) moves a folder with all that is in it, or fails and moves nothing. Where the disks
#   differ, mergerfs is known to answer EXDEV, and mv copies then.
# What happens: a folder with parts on both disks is renamed into a folder that one disk has. rename(2) returns
#   0. The part on that disk is in the new place, the part on the other disk is under the old name still: one
#   folder has become two, each with some of the files. A folder that is only on the other disk gives EXDEV.
# Output seen:
#   rename of the folder on the other disk: Invalid cross-device link
#   rename of the folder on both disks: status 0
#   in the new place: from-two
#   under the old name: from-one
# Why it matters: whoever moves old contents aside by renames, to put new ones in their place, believes that the
#   old name is free. What is left under it is then mixed with the new contents, or taken for somebody else's.
set -eu

if [ "$(id -u)" -ne 0 ] || [ ! -e /dev/fuse ]; then
  echo "needs root and /dev/fuse to mount a FUSE file system" >&2
  exit 2
fi
work=$(mktemp -d)
trap 'mountpoint -q "$work/union" && umount "$work/union"; rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
cd "$work"
set -- mergerfs=2.33.5-1
apt-get -qq -o APT::Sandbox::User=root download "$@" || {
  echo "cannot download $* (has apt-get update been run? newer versions may have replaced them)" >&2
  exit 2
}
for package in *.deb; do dpkg-deb -x "$package" root; done

mkdir -p one/both one/single two/both two/target union
echo 1 >one/both/from-one
echo 2 >two/both/from-two
root/usr/bin/mergerfs -o minfreespace=0 "$work/one:$work/two" union

try() { perl -e 'print rename($ARGV[0], $ARGV[1]) ? "status 0" : "$!"' "union/$1" "union/target/$1"; }
single=$(try single)
echo "rename of the folder on the other disk: $single"
both=$(try both)
echo "rename of the folder on both disks: $both"
moved=$(ls union/target/both)
left=$(ls union/both)
echo "in the new place: $moved"
echo "under the old name: $left"
if [ "$single, $both, $moved, $left" = "Invalid cross-device link, status 0, from-two, from-one" ]; then
  echo "as stated"
else
  echo "CHANGED" >&2
  exit 1
fi
