#!/bin/sh
# Keeps one private Docker Engine in a folder for as long as somebody holds this
# script's standard input open. On its end, however it comes about, the engine,
# its containers, their mounts and cgroups and the folder go away.
#
# usage: supervise.sh <folder> [account [packages [program]]]     (root, Linux)
#
# With an account the engine is a rootless one, run by it. With packages, unpacked in a folder, the engine is of
# these: docker, or podman.
#
# Commands and answers, and the files in the folder: see engine-init.sh, which
# runs inside the engine's namespaces.
set -u
folder=$1
account=${2-}
packages=${3-}
program=${4-docker}
here=$(cd "$(dirname "$0")" && pwd)
PATH=$PATH:/usr/sbin:/sbin
# shellcheck source=test/engine/cgroups.sh
. "$here/cgroups.sh"
# What unshare may have to say belongs where a failure is looked for.
exec 2>>"$folder/dockerd.log"

# A signal to the whole process group must not keep the cleaning below from
# running. Handlers, as opposed to ignored signals, are not passed on to dockerd.
trap : HUP INT TERM

# A place for file systems of the tests: what is mounted below it, at any time, the engine sees as well.
mkdir -p "$folder/tmp"
mount --bind "$folder/tmp" "$folder/tmp"
mount --make-shared "$folder/tmp"

# The engine gets namespaces of its own: network, so that it leaves the machine's
# bridges and firewall alone; mounts and processes, so that the kernel ends every
# mount, shim and container when engine-init.sh ends. What is mounted inside is
# not seen outside ("slave").
unshare --net --mount --propagation slave --pid --fork --kill-child --mount-proc \
  bash "$here/engine-init.sh" "$folder" "$account" "$packages" "$program"

end_cgroups "${folder##*/}"
# Podman has all its containers' in one place, which others may use as well.
for container in "$folder"/data/overlay-containers/*/; do
  [ ! -d "$container" ] || end_cgroups "libpod_parent/libpod-$(basename "$container")"
done
umount --recursive --lazy "$folder/tmp"
rm -rf --one-file-system "$folder"
