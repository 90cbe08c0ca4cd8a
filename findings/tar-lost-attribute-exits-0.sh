#!/bin/sh
# GNU tar loses an extended attribute for want of space on extraction, and exits 0.
#
# Software: GNU tar 1.34 (Debian 12), ext4 of Linux 6.18. Needs root, for a loop mount.
# Expected: "No space left on device" makes extraction fail with exit status 2, as it does when a file's
#   content does not fit. --xattrs was asked for.
# What happens: ext4 keeps a file's attributes in the inode and one block, so a value from XFS (here 60,000
#   bytes) does not fit. tar prints a line, leaves the attribute out, and exits 0.
# Output seen:
#   root/bin/tar: setxattrat: Cannot set 'user.thumbnail' extended attribute for file 'photo': No space left on device
#   attribute that does not fit: exit status 0, attributes of the file: none
#   content that does not fit:   exit status 2
# Why it matters: a restore or a move to another file system is judged by tar's exit status. Attributes
#   hold Samba's streams, thumbnails, tags and application data, and a script finds out about their
#   loss only if it reads the messages.
set -eu

if [ "$(id -u)" -ne 0 ]; then
  echo "needs root to mount a loop device" >&2
  exit 2
fi
work=$(mktemp -d)
trap 'mountpoint -q "$work/mounted" && umount "$work/mounted"; rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
cd "$work"
set -- tar=1.34+dfsg-1.2+deb12u1 attr=1:2.5.1-4 e2fsprogs=1.47.0-2+b2 libext2fs2=1.47.0-2+b2 libcom-err2=1.47.0-2+b2
apt-get -qq -o APT::Sandbox::User=root download "$@" || {
  echo "cannot download $* (has apt-get update been run? newer versions may have replaced them)" >&2
  exit 2
}
for package in *.deb; do dpkg-deb -x "$package" root; done

truncate -s 32M disk
LD_LIBRARY_PATH=$(echo "$work"/root/lib/*-linux-gnu) root/sbin/mkfs.ext4 -q disk
mkdir mounted
mount -o loop disk mounted

# The record is the one that `tar --xattrs` writes for such a file on XFS.
echo pixels >photo
value=$(head -c 60000 /dev/zero | tr '\0' x)
root/bin/tar --format=posix --pax-option="SCHILY.xattr.user.thumbnail:=$value" -cf attribute.tar photo
truncate -s 40M film && root/bin/tar -cf content.tar film

status=0
root/bin/tar -C mounted --xattrs --xattrs-include='*' -xf attribute.tar || status=$?
attributes=$(root/usr/bin/getfattr -m - mounted/photo)
echo "attribute that does not fit: exit status $status, attributes of the file: ${attributes:-none}"
content_status=0
root/bin/tar -C mounted -xf content.tar 2>/dev/null || content_status=$?
echo "content that does not fit:   exit status $content_status"
if [ "$status$attributes" = 0 ] && [ "$content_status" -eq 2 ]; then
  echo "as stated"
else
  echo "CHANGED" >&2
  exit 1
fi
