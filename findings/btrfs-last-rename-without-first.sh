#!/bin/sh
# After a power cut, Btrfs can have the last of several renames in one folder, and none of those before it.
#
# Software: Btrfs, and ext4 to compare, of Linux 6.18 (btrfs-progs 6.2, e2fsprogs 1.47, Debian 12). Needs root.
# Expected: without fsync, a power cut may take the last renames, but in their order: a journal is a history,
#   and what fsync writes brings everything before it along. On ext4, and on XFS, it does.
# What happens: fsync on Btrfs writes a log of single files instead of the whole transaction. A file that was
#   flushed and then renamed is in that log, so the next fsync of any other file, in any folder of the
#   subvolume, puts its new name on the disk. Earlier renames of files that were not flushed are not in
#   the log. Write, fsync, rename, the usual way to replace a file safely, makes precisely such a file.
# Output seen:
#   before the power cut: 1.done 2.done index, which says: 1 and 2 are done
#   after it on ext4:     1.done 2.done index, which says: 1 and 2 are done
#   after it on Btrfs:    1.new 2.new index, which says: 1 and 2 are done
# Why it matters: a program that moves files and then renames a note into place ("moved", "rotated", an index)
#   may find the note after a power cut without what it says, though it flushed the note as it should. A
#   restore that goes on from there removes the wrong contents. The renames need `sync -f`, or an fsync of
#   what they moved, before the note is renamed.
set -eu

if [ "$(id -u)" -ne 0 ]; then
  echo "needs root to mount a loop device" >&2
  exit 2
fi
work=$(mktemp -d)
trap 'mountpoint -q "$work/mounted" && umount "$work/mounted"; rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
cd "$work"
set -- btrfs-progs=6.2-1+deb12u2 liblzo2-2=2.10-2 e2fsprogs=1.47.0-2+b2 libext2fs2=1.47.0-2+b2 libcom-err2=1.47.0-2+b2
apt-get -qq -o APT::Sandbox::User=root download "$@" || {
  echo "cannot download $* (has apt-get update been run? newer versions may have replaced them)" >&2
  exit 2
}
for package in *.deb; do dpkg-deb -x "$package" root; done
LD_LIBRARY_PATH=$(echo "$work"/root/lib/*-linux-gnu)
mkdir mounted

say() { echo "$(cd mounted/queue && echo *), which says: $(cat mounted/queue/index)"; }
written() { awk '{ print $5, $7 }' "/sys/block/$(findmnt -n -o SOURCE mounted | xargs basename)/stat"; }

# cut_power TYPE: what a file system of it has after a power cut, in $after.
cut_power() {
  truncate -s 200M disk
  LD_LIBRARY_PATH=$LD_LIBRARY_PATH "root/sbin/mkfs.$1" -q disk >/dev/null
  mount -o loop disk mounted
  mkdir mounted/queue mounted/elsewhere
  touch mounted/queue/1.new mounted/queue/2.new
  echo "none is done" >mounted/queue/index
  sync -f mounted

  mv mounted/queue/1.new mounted/queue/1.done
  mv mounted/queue/2.new mounted/queue/2.done
  echo "1 and 2 are done" >mounted/queue/index.partial
  sync mounted/queue/index.partial
  mv mounted/queue/index.partial mounted/queue/index
  echo "of another program" >mounted/elsewhere/file
  sync mounted/elsewhere/file
  before=$(say)

  # What is on the disk now, without what is still in memory. The kernel may write that at any time: then again.
  until was=$(written); cp --sparse=always disk copy; [ "$(written)" = "$was" ]; do :; done
  umount mounted
  mount -o loop copy mounted
  after=$(say)
  umount mounted && rm disk copy
}

cut_power ext4
echo "before the power cut: $before"
echo "after it on ext4:     $after"
ext4=$after
cut_power btrfs
echo "after it on Btrfs:    $after"
said="index, which says: 1 and 2 are done"
if [ "$before, $ext4, $after" = "1.done 2.done $said, 1.done 2.done $said, 1.new 2.new $said" ]; then
  echo "as stated"
else
  echo "CHANGED" >&2
  exit 1
fi
