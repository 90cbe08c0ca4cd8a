#!/bin/sh
# After the engine was restarted with live-restore, one tmpfs volume is two: the old container's, and a new, empty one.
#
# Software: Docker Engine 20.10.24 with containerd 1.6.20 and runc 1.1.5 (Debian 12). Needs root.
# Expected: with live-restore, containers go on while dockerd is restarted, and so do their volumes. What one
#   container has in a volume, all others that use it see. A tmpfs volume lasts until the last of them ends.
# What happens: dockerd unmounts every volume when it starts. A running container keeps the mount in its own
#   namespace, and the next one to start gets another tmpfs. There is one volume in the list, and neither container
#   sees what the other writes. With `docker restart` the old one gets the new tmpfs, too, and its data is gone.
#   A crash of dockerd does the same. (Later releases of Docker 23.0 and 24.0 do not unmount.)
# Output seen:
#   before the restart: old container: session, new container: session
#   after the restart:  old container: session, new container: nothing
#   after docker restart of the old container: nothing
# Why it matters: a backup that reads a volume through a container of its own, as is usual, gets an empty one and
#   succeeds, while the service still has its data. Services that share a folder in memory lose each other.
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
# Namespaces of its own: the engine and all it started end with the process, and no other engine is touched. A line
# into the FIFO restarts dockerd alone, as `systemctl restart docker` does.
mkfifo restart
# shellcheck disable=SC2016 # for the inner shell
unshare --net --mount --pid --fork --kill-child --mount-proc sh -c 'mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /opt
  while :; do
    dockerd --config-file "$0/daemon.json" --host "$DOCKER_HOST" --data-root "$0/data" --exec-root /run/docker \
      --pidfile /run/docker.pid --live-restore --bridge none --iptables=false --storage-driver vfs \
      --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$1" &
    read -r _ <"$0/restart"
    kill -s TERM $!
    wait $!
  done' "$work" "$cgroup" >log 2>&1 &
engine=$!
# wait_start NUMBER: until the engine was started so often.
wait_start() {
  for _ in $(seq 200); do
    if [ "$(grep -c "API listen on" log)" -eq "$1" ]; then return; fi
    sleep 0.3
  done
  cat log >&2
  exit 2
}
wait_start 1

mkdir -p image/bin
cp root/bin/busybox image/bin/sh
tar -C image -c . | docker import - probe >/dev/null
docker volume create --opt type=tmpfs --opt device=tmpfs memory >/dev/null
start() {
  docker run --detach --name "$1" --network none --ulimit nofile=1024:1024 --volume memory:/data probe \
    /bin/sh -c 'while :; do sleep 1; done' >/dev/null
}
look() { docker exec "$1" /bin/sh -c 'ls /data | grep . || echo nothing'; }
start old
docker exec old /bin/sh -c 'echo content >/data/session'
start new
before="old container: $(look old), new container: $(look new)"
docker rm --force new >/dev/null
echo now >restart
wait_start 2
start new
after="old container: $(look old), new container: $(look new)"
docker restart --time 0 old >/dev/null
again=$(look old)
printf '%s\n' "before the restart: $before" "after the restart:  $after" "after docker restart of the old container: $again"
docker rm --force old new >/dev/null
if [ "$before, $after, $again" = "old container: session, new container: session, \
old container: session, new container: nothing, nothing" ]; then
  echo "as stated"
else
  echo "CHANGED" >&2
  exit 1
fi
