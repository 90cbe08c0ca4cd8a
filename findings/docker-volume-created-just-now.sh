#!/bin/sh
# A local volume's `CreatedAt` is not when it was created: it moves whenever an entry of its root folder comes or goes.
#
# Software: Docker Engine 20.10.24 with containerd 1.6.20 and runc 1.1.5 (Debian 12). Needs root.
# Expected: `docker volume inspect` gives the time of creation, which stays, as it does for containers, images
#   and networks.
# What happens: no such time is stored. "CreatedAt" is the ctime of the folder with the volume's data, as it is when
#   asked. A file that is made, renamed or removed there makes the volume created just now. Writing to it does
#   not, so this is not the last change either. (Docker 23.0 looks at the folder above, which changes rarely.)
# Output seen:
#   a file is made: CreatedAt moves to now
#   it is written to: CreatedAt stays
#   it is removed: CreatedAt moves to now
# Why it matters: it looks like the way to tell a volume from a later one of the same name, so that a backup or a
#   record of the first is not taken for the second's. Here every volume in use is a new one. Clean-up by
#   age ("in no container, and created 30 days ago") counts from the last temporary file.
set -eu

if [ "$(id -u)" -ne 0 ]; then
  echo "needs root to run a container engine" >&2
  exit 2
fi
work=$(mktemp -d)
cgroup=finding-${work##*.}
engine=
clean() {
  # Everything in the engine's namespaces ends with unshare, which ignores SIGTERM.
  if [ -n "$engine" ] && kill -0 "$engine" 2>/dev/null; then
    kill -s KILL "$engine"
    while [ -n "$(find /sys/fs/cgroup -path "*/$cgroup/*" -name cgroup.procs -exec cat {} +)" ]; do sleep 0.3; done
  fi
  find /sys/fs/cgroup -depth -type d -path "*/$cgroup*" -exec rmdir {} \;
  rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' HUP INT TERM
cd "$work"
set -- docker.io=20.10.24+dfsg1-1+deb12u1+b6 containerd=1.6.20~ds1-1+deb12u3 runc=1.1.5+ds1-1+deb12u1 \
  busybox-static=1:1.35.0-4+deb12u1+b1 libdevmapper1.02.1=2:1.02.185-2
apt-get -qq -o APT::Sandbox::User=root download "$@" || {
  echo "cannot download $* (has apt-get update been run? newer versions may have replaced them)" >&2
  exit 2
}
for package in *.deb; do dpkg-deb -x "$package" root; done
PATH=$work/root/usr/bin:$work/root/usr/sbin:$PATH
LD_LIBRARY_PATH=$(echo "$work"/root/usr/lib/*-linux-gnu):$(echo "$work"/root/lib/*-linux-gnu)
export PATH LD_LIBRARY_PATH DOCKER_HOST="unix://$work/docker.sock"

# Outside of its folder this engine would leave a key.
printf '{ "deprecated-key-path": "%s/key.json" }\n' "$work" >daemon.json
# Namespaces of its own: the engine and all it started end with the process, and no other engine is touched.
# shellcheck disable=SC2016 # for the inner shell
unshare --net --mount --pid --fork --kill-child --mount-proc sh -c 'mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /opt
  exec dockerd --config-file "$0/daemon.json" --host "$DOCKER_HOST" --data-root "$0/data" --exec-root /run/docker --pidfile /run/docker.pid \
    --bridge none --iptables=false --storage-driver vfs --exec-opt native.cgroupdriver=cgroupfs \
    --cgroup-parent "/$1"' "$work" "$cgroup" >log 2>&1 &
engine=$!
until docker version >/dev/null 2>&1; do
  kill -0 "$engine" 2>/dev/null || { cat log >&2; exit 2; }
  sleep 0.3
done

mkdir -p image/bin
cp root/bin/busybox image/bin/sh
tar -C image -c . | docker import - probe >/dev/null
docker volume create data >/dev/null

created() { date --date "$(docker volume inspect --format '{{.CreatedAt}}' data)" +%s; }
# after COMMAND: what CreatedAt does when a container runs it, seconds after the last one.
after() {
  sleep 2
  before=$(created) start=$(date +%s)
  docker run --rm --network none --ulimit nofile=1024:1024 --volume data:/data probe /bin/sh -c "$1" >/dev/null
  if [ "$(created)" -eq "$before" ]; then echo stays; elif [ "$(created)" -ge "$start" ]; then echo "moves to now"; fi
}
made=$(after "echo first >/data/file")
written=$(after "echo second >/data/file")
removed=$(after "rm /data/file")
printf '%s\n' "a file is made: CreatedAt $made" "it is written to: CreatedAt $written" "it is removed: CreatedAt $removed"
if [ "$made, $written, $removed" = "moves to now, stays, moves to now" ]; then
  echo "as stated"
else
  echo "CHANGED" >&2
  exit 1
fi
