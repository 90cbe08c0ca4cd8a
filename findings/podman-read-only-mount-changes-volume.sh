#!/bin/sh
# Podman changes owner, mode and time of a volume's root folder when it mounts the volume read-only.
#
# Software: Podman 4.3.1 with runc 1.1.5 (Debian 12), cgroup version 1. Needs root.
# Expected: `--volume name:/data:ro` changes nothing in the volume. A new volume that is empty may take
#   content and owner from the image's folder, as with Docker, but this one holds a file already.
# What happens: the first container that mounts a volume, read-only or not, empty or not, makes Podman give the
#   volume's root folder owner, group, mode and modification time of the folder that the image has at
#   the mount point. Later mounts leave it alone.
# Output seen:
#   before:              2751 999:998 2020-01-01
#   after a :ro mount:   755 0:0 2022-02-02
#   set again by hand:   2751 999:998 2020-01-01
#   after another mount: 2751 999:998 2020-01-01
# Why it matters: `podman volume create`, then extracting a backup into its folder, is how a volume is restored
#   or moved. The owner that came back is gone as soon as anything mounts the volume, even
#   a container that only checks it. A service that runs as 999 can no longer write into its own folder.
set -eu

if [ "$(id -u)" -ne 0 ]; then
  echo "needs root to run containers" >&2
  exit 2
fi
work=$(mktemp -d)
cgroup=finding-${work##*.}
clean() {
  find /sys/fs/cgroup -depth -type d -path "*/$cgroup*" -exec rmdir {} \;
  rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' HUP INT TERM
cd "$work"
set -- podman=4.3.1+ds1-8+deb12u1+b3 conmon=2.1.6+ds1-1 runc=1.1.5+ds1-1+deb12u1 busybox-static=1:1.35.0-4+deb12u1+b1 \
  libgpgme11=1.18.0-3+deb12u1 libassuan0=2.5.5-5 libdevmapper1.02.1=2:1.02.185-2 libsubid4=1:4.13+dfsg1-1+deb12u2
apt-get -qq -o APT::Sandbox::User=root download "$@" || {
  echo "cannot download $* (has apt-get update been run? newer versions may have replaced them)" >&2
  exit 2
}
for package in *.deb; do dpkg-deb -x "$package" root; done
cat >containers.conf <<CONF
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
runtime = "runc"
conmon_path = ["$work/root/usr/bin/conmon"]
[engine.runtimes]
runc = ["$work/root/usr/sbin/runc"]
[network]
network_config_dir = "$work/networks"
CONF
export CONTAINERS_CONF="$work/containers.conf"
podman() {
  LD_LIBRARY_PATH=$(echo "$work"/root/usr/lib/*-linux-gnu):$(echo "$work"/root/lib/*-linux-gnu) \
    "$work/root/usr/bin/podman" --root "$work/data" --runroot "$work/run" --tmpdir "$work/tmp" --storage-driver vfs "$@"
}

mkdir -p image/bin image/data
cp root/bin/busybox image/bin/busybox
touch -d 2022-02-02 image/data
podman volume create database >/dev/null
volume=$(podman volume inspect --format '{{.Mountpoint}}' database)

restore() { echo row >"$volume/table" && chown 999:998 "$volume" && chmod 2751 "$volume" && touch -d 2020-01-01 "$volume"; }
state() { stat -c '%a %u:%g %.10y' "$volume"; }
mount_it() {
  podman run --rm --network none --cgroup-parent "/$cgroup" --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \
    --volume database:/data:ro --rootfs "$work/image" /bin/busybox cat /data/table >/dev/null
}
restore
echo "before:              $(state)"
mount_it
first=$(state)
echo "after a :ro mount:   $first"
restore
echo "set again by hand:   $(state)"
mount_it
second=$(state)
echo "after another mount: $second"
if [ "$first, $second" = "755 0:0 2022-02-02, 2751 999:998 2020-01-01" ]; then
  echo "as stated"
else
  echo "CHANGED" >&2
  exit 1
fi
