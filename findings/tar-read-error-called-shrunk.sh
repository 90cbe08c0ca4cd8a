#!/bin/sh
# GNU tar reports a disk read error as "File shrank by N bytes; padding with zeros".
#
# Software: GNU tar 1.34 (Debian 12), Btrfs (btrfs-progs 6.2, Linux 6.18). Needs root, for a loop mount.
# Expected: a file of which a part cannot be read is an error: "Read error", exit status 2 ("fatal
#   error"). Status 1 means "some files differ", of which the manual says that they changed.
# What happens: nobody touches the file. One of its blocks fails its checksum, so read(2) answers with
#   "Input/output error" there. Unless one of tar's reads begins exactly at the bad block, that read ends
#   short first, and tar takes that for a file that someone has truncated: it fills the rest of the
#   file with zeros, good blocks included, and exits 1. There is no word of an I/O error, and the
#   file in the archive has its full size.
# Output seen:
#   cat: mounted/database: Input/output error
#   root/bin/tar: database: File shrank by 700992 bytes; padding with zeros
#   tar exits 1; of 1000000 bytes in the archive the last 700992 are zeros: yes
# Why it matters: backup scripts ignore tar's status 1, since files in use often change. Then a dying disk
#   looks like a busy one, every night's backup "succeeds" with zeros in it, and old good ones expire.
set -eu

if [ "$(id -u)" -ne 0 ]; then
  echo "needs root to mount a loop device" >&2
  exit 2
fi
work=$(mktemp -d)
trap 'mountpoint -q "$work/mounted" && umount "$work/mounted"; rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
cd "$work"
set -- tar=1.34+dfsg-1.2+deb12u1 btrfs-progs=6.2-1+deb12u2 liblzo2-2=2.10-2
apt-get -qq -o APT::Sandbox::User=root download "$@" || {
  echo "cannot download $* (has apt-get update been run? newer versions may have replaced them)" >&2
  exit 2
}
for package in *.deb; do dpkg-deb -x "$package" root; done

truncate -s 200M disk
LD_LIBRARY_PATH=$(echo "$work"/root/lib/*-linux-gnu) root/sbin/mkfs.btrfs -q -d single -m single disk >said
mkdir mounted
mount -o loop disk mounted
{
  yes "a row of the database" | head -c 299008
  echo "the block that will be damaged"
  yes "another row" | head -c 700961
} >mounted/database
umount mounted

# A bad block, as an ageing disk makes them: the sum that Btrfs keeps of it no longer fits.
position=$(LC_ALL=C grep -abo "the block that will be damaged" disk | cut -d: -f1)
printf X | dd of=disk bs=1 seek="$position" conv=notrunc status=none
mount -o loop disk mounted

cat mounted/database >/dev/null || true
status=0
root/bin/tar -C mounted -cf archive.tar database 2>said || status=$?
cat said
root/bin/tar -xf archive.tar
zeros=no
if tail -c 700992 database | cmp -s -n 700992 - /dev/zero; then zeros=yes; fi
echo "tar exits $status; of $(wc -c <database) bytes in the archive the last 700992 are zeros: $zeros"
if [ "$status $zeros $(wc -c <database)" = "1 yes 1000000" ] && grep -q "File shrank by 700992 bytes" said &&
  ! grep -qi "error" said; then
  echo "as stated"
else
  echo "CHANGED" >&2
  exit 1
fi
