#!/bin/sh
# On Btrfs a read-only snapshot can be renamed, but not moved into another folder.
#
# Software: Btrfs of Linux 6.18 (btrfs-progs 6.2, Debian 12). Needs root, for a loop mount.
# Expected: "read-only" is about what is in the snapshot. Its name belongs to the folder around it, which
#   can be written to. If `mv` can give it another name there, it can put it into the next folder.
# What happens: rename(2) within the folder works. Into another folder of the same subvolume it fails with
#   EROFS: the kernel wants to write to a directory that gets a new parent, and a read-only one
#   forbids that. mv says "Read-only file system" on one that is mounted read-write. The same snapshot
#   moves once it is made writable, and a writable subvolume moves at once.
# Output seen:
#   within the folder: moved
#   mv: cannot move 'mounted/tonight' to 'mounted/weekly/tonight': Read-only file system
#   into another folder: refused
#   the same, made writable: moved
# Why it matters: rotating snapshots from daily/ to weekly/ by mv stops here, and so does a restore that
#   puts old contents aside by renaming: it may have stopped services first. Making a received
#   snapshot writable for the move costs it the UUID that later `btrfs send` increments need.
set -eu

if [ "$(id -u)" -ne 0 ]; then
  echo "needs root to mount a loop device" >&2
  exit 2
fi
work=$(mktemp -d)
trap 'mountpoint -q "$work/mounted" && umount "$work/mounted"; rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
cd "$work"
set -- btrfs-progs=6.2-1+deb12u2 liblzo2-2=2.10-2
apt-get -qq -o APT::Sandbox::User=root download "$@" || {
  echo "cannot download $* (has apt-get update been run? newer versions may have replaced them)" >&2
  exit 2
}
for package in *.deb; do dpkg-deb -x "$package" root; done
LD_LIBRARY_PATH=$(echo "$work"/root/lib/*-linux-gnu)
btrfs() { "$work/root/bin/btrfs" "$@" >/dev/null; }
export LD_LIBRARY_PATH

truncate -s 200M disk
root/sbin/mkfs.btrfs -q disk >/dev/null
mkdir mounted
mount -o loop disk mounted
mkdir mounted/weekly
btrfs subvolume create mounted/data
echo content >mounted/data/file
btrfs subvolume snapshot -r mounted/data mounted/today

try() { if mv "$1" "$2"; then echo moved; else echo refused; fi; }
within=$(try mounted/today mounted/tonight)
echo "within the folder: $within"
into=$(try mounted/tonight mounted/weekly/tonight)
echo "into another folder: $into"
btrfs property set mounted/tonight ro false
writable=$(try mounted/tonight mounted/weekly/tonight)
echo "the same, made writable: $writable"
if [ "$within $into $writable" = "moved refused moved" ]; then
  echo "as stated"
else
  echo "CHANGED" >&2
  exit 1
fi
