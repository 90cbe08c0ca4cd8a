#!/bin/sh
# Sourced by supervise.sh and engine-init.sh.

# Removes an engine's cgroups, which outlive its processes. What is in one that is frozen, by a pause, does not
# die before it thaws.
#
# usage: end_cgroups <name of the engine's folder>
end_cgroups() {
  find /sys/fs/cgroup -path "*/$1/*" -name freezer.state -exec sh -c 'echo THAWED >"$1"' sh {} \;
  find /sys/fs/cgroup -path "*/$1/*" -name cgroup.freeze -exec sh -c 'echo 0 >"$1"' sh {} \;
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    if find /sys/fs/cgroup -depth -type d -path "*/$1*" -exec rmdir {} + 2>/dev/null; then return; fi
    sleep 0.1
  done
  echo "cgroups of $1 are left" >&2
}
