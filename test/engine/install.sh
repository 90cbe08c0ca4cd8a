#!/bin/sh
# Installs what private-engine.ts needs and this machine lacks, from Debian's
# packages: dockerd, and the tools that a helper image is made of. Does not start
# Debian's own docker service. Root only; silent when nothing is missing.
set -eu
PATH=$PATH:/usr/sbin:/sbin
tools="dockerd:docker.io ip:iproute2 zstd:zstd getfattr:attr setfacl:acl openssl:openssl sshd:openssh-server"
policy=/usr/sbin/policy-rc.d
mark="# dockform: no services during an installation"

say() {
  echo "dockform: $*" >&2
}

missing_packages() {
  packages=""
  for entry in $tools; do
    command -v "${entry%:*}" >/dev/null || packages="$packages ${entry#*:}"
  done
}

# Debian starts a service as soon as its package is installed, unless this
# script, which belongs to the administrator, says no (exit code 101).
forbid_services() {
  if [ -e "$policy" ] && ! grep -qsF "$mark" "$policy"; then return; fi
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' HUP INT TERM
  printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
  chmod 755 "$policy"
}

quietly() {
  if ! "$@" >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    return 1
  fi
}

missing_packages
[ -n "$packages" ] || exit 0
if ! command -v apt-get >/dev/null; then
  say "this machine lacks what the packages$packages hold, and has no apt-get. Install them and try again."
  exit 1
fi

# One at a time: apt's own lock on its lists does not wait.
exec 9>/run/lock/dockform-install
flock 9
missing_packages
[ -n "$packages" ] || exit 0

say "installing Debian's$packages"
log=$(mktemp)
forbid_services
export DEBIAN_FRONTEND=noninteractive
# Lists that cannot be fetched matter only if the packages then cannot be either.
quietly apt-get update || say "the package lists could not be renewed; trying with those at hand"
# shellcheck disable=SC2086 # one word a package
if ! quietly apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 $packages; then
  say "Debian's packages could not be installed. Check the network and try again."
  exit 1
fi
rm -f "$log"
