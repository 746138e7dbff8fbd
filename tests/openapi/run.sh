#!/usr/bin/env bash
# Clients that know only the description (schemathesis, from PyPI) against a fresh `fleetwright dev`: no 5xx, no answer
# outside the description.
#
# Usage: tests/openapi/run.sh PROGRAM FOLDER. PROGRAM is the built binary; below FOLDER the tools are kept for the next run.
# FLEETWRIGHT_SEED repeats a run or makes another one; FLEETWRIGHT_EXAMPLES makes it longer.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=$1
folder=$(mkdir -p "$2" && cd "$2" && pwd)
seed=${FLEETWRIGHT_SEED:-20261121}
examples=${FLEETWRIGHT_EXAMPLES:-50}
export FLEETWRIGHT_STORES="shop-a shop-b shop-c"

fail() {
  echo "tests/openapi/run.sh: $*" >&2
  exit 1
}

work=$(mktemp -d "${TMPDIR:-/tmp}/fleetwright-openapi.XXXXXX")
server=""
finish() {
  [[ -z $server ]] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

# Sets `tool`. The folder's name tells what is in it, so another list makes another one.
install_tool() {
  local sum venv
  python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
    fail "Python 3.10 or newer with venv is missing; install it (Debian: python3 python3-venv)."
  sum=$({ python3 --version && cat "$here/requirements.txt"; } | sha256sum | cut -c 1-16)
  venv=$folder/schemathesis-$sum
  tool=$venv/bin/schemathesis
  [[ -e $venv/complete ]] && return 0
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$here/requirements.txt" ||
    fail "schemathesis could not be installed from PyPI; the lines above say why."
  touch "$venv/complete"
}

start_server() {
  "$program" dev --no-limits --listen 127.0.0.1:0 --data "$work/data" >"$work/log" 2>&1 &
  server=$!
  for _ in $(seq 300); do
    [[ -s $work/data/address && -s $work/data/admin.token ]] && break
    kill -0 "$server" 2>/dev/null || { cat "$work/log" >&2; fail "dev did not start."; }
    sleep 0.1
  done
  FLEETWRIGHT_URL=http://$(cat "$work/data/address")
  FLEETWRIGHT_TOKEN=$(cat "$work/data/admin.token")
  export FLEETWRIGHT_URL FLEETWRIGHT_TOKEN
}

make_stores() {
  local name
  for name in $FLEETWRIGHT_STORES; do
    "$program" store create "$name" --engine woocommerce >/dev/null
  done
}

install_tool
start_server
make_stores
echo "schemathesis, FLEETWRIGHT_SEED=$seed, $examples examples of each operation"
status=0
# It keeps what it found where it runs; here every run is a fresh one.
cp "$here/schemathesis.toml" "$here/hooks.py" "$work"
(cd "$work" && "$tool" run --no-color --seed "$seed" --max-examples "$examples" "$FLEETWRIGHT_URL/openapi.json") || status=$?
kill -0 "$server" 2>/dev/null || { tail -n 50 "$work/log" >&2; fail "the server ended during the run."; }
if ((status != 0)); then
  grep -E "ERROR|panicked" "$work/log" | tail -n 20 >&2 || true
  fail "answers outside the description; they are above."
fi
