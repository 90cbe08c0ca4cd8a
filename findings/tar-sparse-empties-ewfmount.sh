#!/bin/sh
# `tar --sparse` stores a disk image mounted by ewfmount as one hole: all zeros, exit status 0.
#
# Software: GNU tar 1.34 with ewfmount 20140813 (libewf, FUSE), both of Debian 12. Needs root or the right to mount
#   FUSE file systems.
# Expected: --sparse looks for zeros or asks the file system where data is. Where it can do neither, it
#   reads the file. --hole-detection=raw, at least, means looking at the bytes.
# What happens: ewfmount leaves the number of allocated blocks (st_blocks) at 0, as FUSE file systems
#   may. tar takes a file of 512 bytes or more that has no blocks for one hole and never reads it, whatever
#   --hole-detection says. cat, cmp and `cp --sparse=always` read the same file right.
# Output seen:
#   1048576 bytes and 0 blocks by stat; cp --sparse=always: same content
#   tar --sparse:                       exit status 0, archive of 10240 bytes, different content
#   tar --sparse --hole-detection=raw:  exit status 0, archive of 10240 bytes, different content
#   tar --sparse --hole-detection=seek: exit status 0, archive of 10240 bytes, different content
# Why it matters: --sparse is what one adds for disk images. The archive lists every file with its right
#   size; only its content is gone. The same goes for any other file system that reports no blocks.
set -eu

work=$(mktemp -d)
trap 'mountpoint -q "$work/mounted" && umount "$work/mounted"; rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
cd "$work"
set -- tar=1.34+dfsg-1.2+deb12u1 ewf-tools=20140813-1+b1 libewf2=20140813-1+b1 libfuse2=2.9.9-6+b1
apt-get -qq -o APT::Sandbox::User=root download "$@" || {
  echo "cannot download $* (has apt-get update been run? newer versions may have replaced them)" >&2
  exit 2
}
for package in *.deb; do dpkg-deb -x "$package" root; done
libraries=$(echo "$work"/root/usr/lib/*-linux-gnu):$(echo "$work"/root/lib/*-linux-gnu)

seq 1 200000 | head -c 1048576 >disk.raw
LD_LIBRARY_PATH=$libraries root/usr/bin/ewfacquirestream -q -t disk <disk.raw >log 2>&1
mkdir mounted
LD_LIBRARY_PATH=$libraries root/usr/bin/ewfmount disk.E01 mounted >log 2>&1 || {
  echo "ewfmount cannot mount here: $(cat log)" >&2
  exit 2
}
image=mounted/ewf1

changed=
compare() { if cmp -s "$1" disk.raw; then echo same; else echo different; fi; }
cp --sparse=always "$image" copy
echo "$(stat -c '%s bytes and %b blocks' "$image") by stat; cp --sparse=always: $(compare copy) content"
[ "$(compare copy)" = same ] || changed=yes
for options in --sparse "--sparse --hole-detection=raw" "--sparse --hole-detection=seek"; do
  # shellcheck disable=SC2086 # one or two options
  root/bin/tar -C mounted $options -cf archive.tar ewf1
  root/bin/tar -xf archive.tar
  printf '%-35s exit status 0, archive of %d bytes, %s content\n' \
    "tar $options:" "$(wc -c <archive.tar)" "$(compare ewf1)"
  [ "$(compare ewf1)" = different ] || changed=yes
done
if [ -z "$changed" ]; then
  echo "as stated"
else
  echo "CHANGED" >&2
  exit 1
fi
