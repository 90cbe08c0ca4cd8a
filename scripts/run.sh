#!/bin/sh
# Sets up what is missing, then runs a TypeScript file or a tool from
# node_modules with the checkout as its working folder.
#
# usage: run.sh <script.ts | tool> [arguments]
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
# shellcheck source=scripts/setup.sh
. "$root/scripts/setup.sh"
cd "$root"
PATH=${node%/*}:$root/node_modules/.bin:$PATH
export PATH
case ${1:?a script or a tool is needed} in
  *.ts) exec "$node" "$@" ;;
  *) exec "$@" ;;
esac
