#!/usr/bin/env bash
# Everything that has to hold before a change is merged: format, lints, all tests, the charts.
#
# Needs Go 1.26 or newer and Rust; the rest it installs where it may (root on Debian), or says what to install. The first run
# builds the testbed (tests/testbed/README.md) beside cargo and takes about half an hour on two cores.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec </dev/null

builder=""
build_log=$(mktemp "${TMPDIR:-/tmp}/fleetwright-testbed-build.XXXXXX")

stage() { echo "== ${SECONDS} s: $*"; }

fail() {
  echo "tests/run.sh: $*" >&2
  exit 1
}

# A stage that fails leaves no compiler running behind it.
finish() {
  local status=$?
  [[ -z $builder ]] || kill -- "-$builder" 2>/dev/null || true
  rm -f "$build_log"
  if ((status == 0)); then stage "all passed"; else stage "FAILED"; fi
}
trap finish EXIT

# Prints the Debian packages of the programs that are missing.
missing_packages() {
  command -v git >/dev/null || echo git
  command -v ssh-keygen >/dev/null || echo openssh-client
  command -v cc >/dev/null || echo gcc libc6-dev
  { command -v setpriv && command -v flock && command -v setsid; } >/dev/null || echo util-linux
  python3 -c 'import venv, ensurepip' 2>/dev/null || echo python3 python3-venv
  [[ -e /etc/ssl/certs/ca-certificates.crt || -e /etc/pki/tls/certs/ca-bundle.crt || -e /etc/ssl/cert.pem ]] ||
    echo ca-certificates
}

install_packages() {
  local packages
  mapfile -t packages < <(missing_packages | tr ' ' '\n')
  ((${#packages[@]} > 0)) || return 0
  if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
    fail "install these first (names of Debian packages): ${packages[*]}"
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
}

check_tools() {
  local tool
  for tool in "cargo --version" "cargo fmt --version" "cargo clippy --version"; do
    $tool >/dev/null || fail "'$tool' does not work: install Rust with rustfmt and clippy (see rust-toolchain.toml)."
  done
  bash tests/testbed/build.sh --check >/dev/null 2>&1 || bash tests/testbed/build.sh --tools
}

# In a process group of its own, so that all of it can be ended together.
start_testbed_build() {
  setsid nice -n 10 bash tests/testbed/build.sh >"$build_log" 2>&1 &
  builder=$!
}

# Sets `testbed` to the folder of the built testbed.
wait_for_testbed() {
  local status=0
  wait "$builder" || status=$?
  builder=""
  cat "$build_log"
  ((status == 0)) || fail "the testbed could not be built; what the build printed is above."
  testbed=$(tail -n 1 "$build_log")
}

# Where cargo puts what it builds.
target_folder() {
  cargo metadata --locked --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/'
}

lint_charts() {
  local chart values linted
  for chart in charts/*/; do
    linted=""
    for values in "$chart"ci/*-values.yaml; do
      [[ -e $values ]] || continue
      "$testbed/bin/helm" lint --strict --values "$values" "$chart"
      linted=yes
    done
    [[ -n $linted ]] || "$testbed/bin/helm" lint --strict "$chart"
  done
}

stage "tools"
install_packages
check_tools
start_testbed_build

stage "cargo fmt"
cargo fmt --check

stage "cargo clippy"
cargo clippy --locked --all-targets --features testbed -- -D warnings

stage "building the tests"
cargo test --locked --features testbed --no-run
cargo test --locked --features testbed --bench writer --bench api --bench forge --bench status --no-run

stage "the testbed"
wait_for_testbed

stage "helm lint"
lint_charts

# Of these, the_loop takes some 14 minutes and status some 10, on two cores.
stage "cargo test"
cargo test --locked --features testbed

stage "the benchmarks, small: both sides make the same, and every answer is right"
cargo test --locked --features testbed --bench writer --bench api --bench forge --bench status

stage "clients that know only the description of the API"
target=$(target_folder)
bash tests/openapi/run.sh "$target/debug/fleetwright" "$target"
