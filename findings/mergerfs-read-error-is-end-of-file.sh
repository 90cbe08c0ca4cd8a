#!/bin/sh
# Through mergerfs a disk read error looks like the end of the file: `cat` copies a part and exits 0.
#
# Software: mergerfs 2.33.5 (Debian 12) over Btrfs (btrfs-progs 6.2), Linux 6.18. Needs root, for mounts.
# Expected: a block that cannot be read is an I/O error through mergerfs, too, as it is beneath it.
# What happens: the read that reaches the bad block ends short beneath mergerfs, which hands on what it got.
#   The kernel takes a short answer of a FUSE server for the end of the file, so the next read(2)
#   answers 0. No program sees an error: `cat` exits 0 with less than a tenth of the file, and
#   GNU tar --sparse archives no more than that of a sparse file, exit status 0, without a word.
# Output seen:
#   Btrfs:    cat exits 1 after 299008 of 3000000 bytes
#   mergerfs: cat exits 0 after 299008 of 3000000 bytes
#   mergerfs: tar --sparse exits 0, says nothing, archives 299008 bytes
# Why it matters: mergerfs pools the disks of home servers, where a backup reads through the pool. A dying
#   disk then shortens files in the backup, and nothing fails until somebody restores one.
set -eu

if [ "$(id -u)" -ne 0 ]; then
  echo "needs root to mount" >&2
  exit 2
fi
work=$(mktemp -d)
unmount() {
  for mounted in pool disk; do
    if mountpoint -q "$work/$mounted"; then umount "$work/$mounted"; fi
  done
}
trap 'unmount; rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
cd "$work"
set -- tar=1.34+dfsg-1.2+deb12u1 btrfs-progs=6.2-1+deb12u2 liblzo2-2=2.10-2 mergerfs=2.33.5-1
apt-get -qq -o APT::Sandbox::User=root download "$@" || {
  echo "cannot download $* (has apt-get update been run? newer versions may have replaced them)" >&2
  exit 2
}
for package in *.deb; do dpkg-deb -x "$package" root; done

truncate -s 200M image
LD_LIBRARY_PATH=$(echo "$work"/root/lib/*-linux-gnu) root/sbin/mkfs.btrfs -q image >said
mkdir disk pool
mount -o loop image disk
{
  yes "a row of the database" | head -c 299008
  echo "the block that will be damaged"
  yes "another row" | head -c 700961
} >disk/database
truncate -s 3000000 disk/database
umount disk

# A bad block, as an ageing disk makes them: the sum that Btrfs keeps of it no longer fits.
position=$(LC_ALL=C grep -abo "the block that will be damaged" image | cut -d: -f1)
printf X | dd of=image bs=1 seek="$position" conv=notrunc status=none

changed=
read_through() {
  mount -o loop image disk
  root/usr/bin/mergerfs "$work/disk" "$work/pool" || {
    echo "mergerfs cannot mount here" >&2
    exit 2
  }
}
read_through
status=0
cat disk/database >copy 2>/dev/null || status=$?
echo "Btrfs:    cat exits $status after $(wc -c <copy) of 3000000 bytes"
[ "$status" -eq 1 ] || changed=yes
unmount
read_through
status=0
cat pool/database >copy || status=$?
echo "mergerfs: cat exits $status after $(wc -c <copy) of 3000000 bytes"
[ "$status $(wc -c <copy)" = "0 299008" ] || changed=yes
unmount
read_through
status=0
root/bin/tar -C pool --sparse -cf archive.tar database 2>said || status=$?
root/bin/tar -xf archive.tar
echo "mergerfs: tar --sparse exits $status, says $(grep . said || echo nothing), archives $(wc -c <database) bytes"
[ "$status $(wc -c <said) $(wc -c <database)" = "0 0 299008" ] || changed=yes
if [ -z "$changed" ]; then
  echo "as stated"
else
  echo "CHANGED" >&2
  exit 1
fi
