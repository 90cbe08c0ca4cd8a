#!/bin/sh
# BorgBackup stores only modification times from 1970 to January 2038, on 64-bit systems too.
#
# Software: BorgBackup 1.2.4 (Debian 12, amd64), on ext4. Needs no root, but python3 of Debian 12.
# Expected: modification times come back as they were. File system, kernel and Python have 64-bit
#   times, and GNU tar or `cp -a` keep these very files. Or at least a warning.
# What happens: `borg create` writes every later time as 2038-01-17 03:14:07, and every time before
#   1970 as 1970-01-01 00:00:00. `create`, `list` and `extract` say nothing and exit 0.
# Output seen:
#   original: 1965-06-01 12:00:00 old-photo    restored: 1970-01-01 00:00:00 old-photo
#   original: 2026-01-01 12:00:00 today        restored: 2026-01-01 12:00:00 today
#   original: 2040-06-01 12:00:00 expires      restored: 2038-01-17 03:14:07 expires
# Why it matters: times are data. Scanned photographs and old documents carry times before 1970,
#   licences and retention marks carry times far ahead. Several of them come back with one and the same
#   time, so their order is lost, and a sync by time after the restore copies or skips the wrong files.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
cd "$work"
set -- borgbackup=1.2.4-1 python3-msgpack=1.0.3-2+b1 python3-packaging=23.0-1 \
  python3-pkg-resources=66.1.1-1+deb12u2 libxxhash0=0.8.1-1
apt-get -qq -o APT::Sandbox::User=root download "$@" || {
  echo "cannot download $* (has apt-get update been run? newer versions may have replaced them)" >&2
  exit 2
}
for package in *.deb; do dpkg-deb -x "$package" root; done
LD_LIBRARY_PATH=$(echo "$work"/root/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH TZ=UTC
export PYTHONPATH="$work/root/usr/lib/python3/dist-packages" BORG_BASE_DIR="$work/borg"
borg() { "$work/root/usr/bin/borg" "$@"; }

mkdir original restored borg
touch -d '1965-06-01 12:00' original/old-photo
touch -d '2026-01-01 12:00' original/today
touch -d '2040-06-01 12:00' original/expires

borg init --encryption none repository
(cd original && borg create ../repository::archive .)
(cd restored && borg extract ../repository::archive)

time_of() { stat -c %y "$1" | cut -d. -f1; }
for file in old-photo today expires; do
  echo "original: $(time_of "original/$file") $file    restored: $(time_of "restored/$file") $file"
done
if [ "$(time_of restored/old-photo)" = '1970-01-01 00:00:00' ] &&
  [ "$(time_of restored/today)" = '2026-01-01 12:00:00' ] &&
  [ "$(time_of restored/expires)" = '2038-01-17 03:14:07' ]; then
  echo "as stated"
else
  echo "CHANGED" >&2
  exit 1
fi
