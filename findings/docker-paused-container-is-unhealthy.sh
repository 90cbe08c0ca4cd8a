#!/bin/sh
# `docker pause` turns a healthy container unhealthy at once, without a health check, and it stays so after unpause.
#
# Software: Docker Engine 20.10.24 with containerd 1.6.20 and runc 1.1.5 (Debian 12). Needs root.
# Expected: a paused container keeps its last health, or has none: nothing has been checked since. After
#   `unpause` it is healthy as before, unless checks fail as often as --health-retries says.
# What happens: pausing stops the health monitor, and the engine then sets the health to "unhealthy", with a failing
#   streak of 0 and a log that holds successful checks only. It stays "unhealthy" after `unpause`, until the
#   next check: a whole --health-interval, 30 s by default.
# Output seen:
#   before:   running healthy, failing streak 0
#   paused:   paused unhealthy, failing streak 0
#   unpaused: running unhealthy, failing streak 0
#   later:    running healthy, failing streak 0
# Why it matters: pausing for a second is how a consistent copy of a volume is made. Whatever acts on
#   health meanwhile, or for half a minute after it (a proxy, a watchdog that restarts unhealthy containers,
#   a deployment or a backup tool that waits for "healthy"), acts on a failure that never happened.
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
docker run --detach --name service --network none --ulimit nofile=1024:1024 \
  --health-cmd true --health-interval 8s probe /bin/sh -c 'while :; do sleep 1; done' >/dev/null

health() { docker inspect --format '{{.State.Status}} {{.State.Health.Status}}, failing streak {{.State.Health.FailingStreak}}' service; }
wait_healthy() {
  for _ in $(seq 100); do
    case $(health) in *" healthy,"*) break ;; *) sleep 0.3 ;; esac
  done
}
wait_healthy
before=$(health)
docker pause service >/dev/null
paused=$(health)
docker unpause service >/dev/null
unpaused=$(health)
wait_healthy
printf '%s\n' "before:   $before" "paused:   $paused" "unpaused: $unpaused" "later:    $(health)"
docker rm --force service >/dev/null
if [ "$before, $paused, $unpaused" = "running healthy, failing streak 0, paused unhealthy, failing streak 0, \
running unhealthy, failing streak 0" ]; then
  echo "as stated"
else
  echo "CHANGED" >&2
  exit 1
fi
