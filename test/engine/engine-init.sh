#!/bin/bash
# Process 1 of a private engine's namespaces; started by supervise.sh only.
# bash and not sh, because bash reaps the orphans that process 1 inherits.
#
# Commands, one a line on standard input:
#   start   start dockerd on the folder's data, and containerd where it does not run
#   crash   kill -9 dockerd; containerd, shims and containers live on, as under Debian's services
#   cut     cut the power: kill -9 everything at once, and forget what a machine forgets
#   stop    the same as the end of input: end everything
# Answers, one a line on standard output:
#   exited <code>   dockerd has ended
# Files in the folder: daemon.json (the caller's), docker.sock, docker.pid,
# dockerd.log, data, containerd, exec.
set -u
# Of whoever started this, and may be gone before the engine is.
unset TMPDIR
folder=$1
account=$2
packages=$3
program=$4
pidfile=$folder/docker.pid
containerd=
# shellcheck source=test/engine/cgroups.sh
. "$(dirname "$0")/cgroups.sh"

# Another release's programs and libraries in the place of the machine's, for all that starts from now on. Its
# configuration goes before the machine's; what is written there is forgotten.
enter_packages() {
  mkdir -p "$folder/etc/new" "$folder/etc/work"
  mount --bind "$packages/usr" /usr
  mount -t overlay -o "lowerdir=$packages/etc:/etc,upperdir=$folder/etc/new,workdir=$folder/etc/work" overlay /etc
  # It names the machine's libraries.
  rm -f /etc/ld.so.cache
  for file in /etc/subuid /etc/subgid; do echo "daemon:700000:65536" >"$file"; done
  hash -r
}

# dockerd uses the machine's containerd where it finds that one's socket; it, shims
# and plugins keep files of their own there as well. Inside, /run is this engine's.
mount -t tmpfs -o mode=755 tmpfs /run
if [ -n "$packages" ]; then enter_packages; fi
ip link set lo up
mkdir -p "$folder/containerd"
# What is left out is for Kubernetes, or writes into folders of the machine's.
cat >"$folder/containerd/config.toml" <<CONFIG
version = 2
root = "$folder/containerd/root"
state = "/run/containerd"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
CONFIG

start() {
  rm -f "$pidfile"
  if [ "$program" = podman ]; then
    start_podman
    return
  fi
  if [ -n "$account" ]; then
    start_rootless
    return
  fi
  if ! kill -0 "$containerd" 2>/dev/null; then
    containerd --config "$folder/containerd/config.toml" </dev/null >>"$folder/dockerd.log" 2>&1 &
    containerd=$!
  fi
  # An engine that finds no socket starts a containerd of its own.
  until [ -S /run/containerd/containerd.sock ] || ! kill -0 "$containerd"; do sleep 0.02; done
  (
    dockerd --config-file "$folder/daemon.json" </dev/null >>"$folder/dockerd.log" 2>&1
    echo "exited $?"
  ) &
}

# With a containerd of its own. There is nothing to route to, and so no network to set up.
start_rootless() {
  mkdir -p "$folder/home"
  chown "$account:" "$folder" "$folder/home" "$folder/daemon.json"
  (
    setpriv --reuid="$account" --regid="$account" --clear-groups \
      env HOME="$folder/home" XDG_RUNTIME_DIR="$folder/home" \
      rootlesskit --state-dir="$folder/home/rootlesskit" --net=host --copy-up=/etc --copy-up=/run \
      dockerd --rootless --config-file "$folder/daemon.json" </dev/null >>"$folder/dockerd.log" 2>&1
    echo "exited $?"
  ) &
}

# The engine is nothing but what answers for it: containers have no daemon.
start_podman() {
  local as=()
  if [ -n "$account" ]; then
    mkdir -p "$folder/home" "$folder/data"
    chown "$account:" "$folder" "$folder/home" "$folder/data"
    as=(setpriv "--reuid=$account" "--regid=$account" --clear-groups)
  fi
  rm -f "$folder/docker.sock"
  (
    HOME=$folder/home XDG_RUNTIME_DIR=$folder/home PODMAN_IGNORE_CGROUPSV1_WARNING=1 exec "${as[@]}" \
      podman --root "$folder/data" --runroot "$folder/exec" --tmpdir "$folder/exec/libpod" \
      --volumepath "$folder/data/volumes" --cgroup-manager=cgroupfs --events-backend=file --runtime=runc \
      system service --time=0 "unix://$folder/docker.sock" </dev/null >>"$folder/dockerd.log" 2>&1 &
    echo $! >"$pidfile"
    wait $!
    echo "exited $?"
  ) &
}

signal_dockerd() {
  local pid
  if pid=$(cat "$pidfile" 2>/dev/null) && [ -n "$pid" ]; then kill -s "$1" "$pid" 2>/dev/null; fi
}

# Mounts, cgroups and what lies in memory do not outlive a machine's power; files do.
cut_power() {
  kill -s KILL -- -1
  end_cgroups "${folder##*/}"
  wait
  awk '{ print $5 }' /proc/self/mountinfo | tac | while read -r mounted; do
    case $mounted in
      "$folder/data/"* | "$folder/exec/"* | /run/*) umount --lazy "$mounted" ;;
    esac
  done
  find /run -mindepth 1 -delete
  rm -rf "$folder/exec"
  echo "exited 137"
}

stop() {
  # A short grace for dockerd's own files; what is left dies with process 1.
  signal_dockerd TERM || return
  for _ in {1..50}; do
    [ -e "$pidfile" ] || return
    sleep 0.1
  done
}

while read -r command; do
  case $command in
    start) start ;;
    crash) signal_dockerd KILL ;;
    cut) cut_power ;;
    stop) break ;;
  esac
done
stop
exit 0
