#!/bin/bash
# Process 1 of a private engine's namespaces; started by supervise.sh only.
# bash and not sh, because bash reaps the orphans that process 1 inherits.
#
# Commands, one a line on standard input:
#   start   start dockerd on the folder's data
#   crash   kill -9 dockerd and its containerd; shims and containers live on
#   stop    the same as the end of input: end everything
# Answers, one a line on standard output:
#   exited <code>   dockerd has ended
# Files in the folder: daemon.json (the caller's), docker.sock, docker.pid,
# dockerd.log, data, exec.
set -u
folder=$1
pidfile=$folder/docker.pid

# dockerd uses the machine's containerd where it finds that one's socket; it, shims
# and plugins keep files of their own there as well. Inside, /run is this engine's.
mount -t tmpfs -o mode=755 tmpfs /run
ip link set lo up

start() {
  rm -f "$pidfile" "$folder/exec/containerd/containerd.pid"
  (
    dockerd --config-file "$folder/daemon.json" </dev/null >>"$folder/dockerd.log" 2>&1
    echo "exited $?"
  ) &
}

# signal <name> <pidfile>
signal() {
  local pid
  if pid=$(cat "$2" 2>/dev/null) && [ -n "$pid" ]; then kill -s "$1" "$pid" 2>/dev/null; fi
}

crash() {
  signal KILL "$pidfile"
  signal KILL "$folder/exec/containerd/containerd.pid"
}

stop() {
  # A short grace for dockerd's own files; what is left dies with process 1.
  signal TERM "$pidfile" || return
  for _ in {1..50}; do
    [ -e "$pidfile" ] || return
    sleep 0.1
  done
}

while read -r command; do
  case $command in
    start) start ;;
    crash) crash ;;
    stop) break ;;
  esac
done
stop
exit 0
