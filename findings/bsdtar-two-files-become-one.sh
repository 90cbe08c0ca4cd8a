#!/bin/sh
# bsdtar extracts two files of its own archive as one, and exits 0.
#
# Software: bsdtar 3.6.2 (libarchive, Debian 12), on ext4 with the locale C.UTF-8. Needs no root.
# Expected: on Linux a file name is a string of bytes. Two files that ext4 keeps apart are two members
#   of the archive, and two files again after extraction.
# What happens: the two names look alike, one with a composed accent (NFC), one with a letter and a
#   combining accent (NFD). The archive has both names right. On extraction bsdtar composes the
#   second name, so both members are written to one path: the later one replaces the earlier one. No
#   message, exit status 0. GNU tar extracts two files from the same archive.
# Output seen:
#   original:   ./re\314\201sume\314\201.txt ./r\303\251sum\303\251.txt
#   by bsdtar:  ./r\303\251sum\303\251.txt
#   by GNU tar: ./re\314\201sume\314\201.txt ./r\303\251sum\303\251.txt
# Why it matters: names in NFD come from Macs, NFC from everything else; a folder that both write to
#   holds such pairs. One document of each pair is gone after the restore, and even where there
#   is no pair, restored names no longer equal those that a database or an index has stored.
set -eu

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM
cd "$work"
set -- libarchive-tools=3.6.2-1+deb12u5 libarchive13=3.6.2-1+deb12u5 tar=1.34+dfsg-1.2+deb12u1
apt-get -qq -o APT::Sandbox::User=root download "$@" || {
  echo "cannot download $* (has apt-get update been run? newer versions may have replaced them)" >&2
  exit 2
}
for package in *.deb; do dpkg-deb -x "$package" root; done
libraries=$(echo "$work"/root/usr/lib/*-linux-gnu)
bsdtar() { LC_ALL=C.UTF-8 LD_LIBRARY_PATH=$libraries "$work/root/usr/bin/bsdtar" "$@"; }

mkdir original by-bsdtar by-gnu
printf 'written on a Mac\n' >"original/$(printf 're\314\201sume\314\201.txt')"
printf 'written on Linux\n' >"original/$(printf 'r\303\251sum\303\251.txt')"

bsdtar -C original -cf archive.tar .
bsdtar -C by-bsdtar -xf archive.tar
root/bin/tar -C by-gnu -xf archive.tar

names() { (cd "$1" && find . -name '*.txt') | LC_ALL=C sort | tr '\n' ' ' | LC_ALL=C sed -n 'l 0' | tr -d '$'; }
count() { find "$1" -type f | wc -l; }
printf '%s\n' "original:   $(names original)" "by bsdtar:  $(names by-bsdtar)" "by GNU tar: $(names by-gnu)"
if [ "$(count original)" -eq 2 ] && [ "$(count by-bsdtar)" -eq 1 ] && [ "$(count by-gnu)" -eq 2 ]; then
  echo "as stated"
else
  echo "CHANGED" >&2
  exit 1
fi
