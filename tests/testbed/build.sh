#!/usr/bin/env bash
# Builds the programs of the testbed (tests/testbed/README.md) from their Go modules and keeps them outside the checkout.
#
#   build.sh           builds what is missing and prints, as its last line, the directory with bin/, crds/ and stages/
#   build.sh --check   builds nothing: prints that directory, or says that it has to be built first
#   build.sh --tools   builds nothing: says which program is missing that a build needs
#
# The cache is ${FLEETWRIGHT_TESTBED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fleetwright/testbed}. Each module has its own
# folder there, named by the hash of its go.mod, its go.sum and its recipe, so that a change of one module builds one again.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${HOME:?HOME is not set: the testbed keeps its programs in the cache folder below it}
cache=${FLEETWRIGHT_TESTBED_CACHE:-${XDG_CACHE_HOME:-$home/.cache}/fleetwright/testbed}

# In this order they are built: what most of the others share comes first, so the waiting is over soonest.
modules=(etcd kustomize-controller kubernetes source-controller helm-controller notification-controller source-watcher kwok helm)

# The recipe of a module, part of its hash: `build BINARY PACKAGE`, `version MODULE PACKAGE` (the package whose variables
# tell the version of MODULE) and `copy TARGET MODULE FOLDER` (CRDs or stages out of that module's source).
recipe() {
  local flux=github.com/fluxcd
  case $1 in
    etcd) echo "build etcd go.etcd.io/etcd/server/v3" ;;
    kubernetes)
      local name
      for name in kube-apiserver kube-controller-manager kube-scheduler kubectl; do
        echo "build $name k8s.io/kubernetes/cmd/$name"
      done
      # Without a version in the binaries, Flux and charts refuse the cluster as too old.
      echo "version k8s.io/kubernetes k8s.io/component-base/version"
      ;;
    source-controller | kustomize-controller | helm-controller | notification-controller)
      echo "build $1 $flux/$1"
      echo "copy crds $flux/$1 config/crd/bases"
      ;;
    source-watcher)
      echo "build source-watcher $flux/source-watcher/v2/cmd"
      echo "copy crds $flux/source-watcher/v2 config/crd/bases"
      ;;
    kwok)
      echo "build kwok sigs.k8s.io/kwok/cmd/kwok"
      local stage
      for stage in node/fast node/heartbeat pod/fast pod/chaos volume/fast; do
        echo "copy stages/${stage/\//-} sigs.k8s.io/kwok kustomize/stage/$stage"
      done
      ;;
    helm) echo "build helm helm.sh/helm/v4/cmd/helm" ;;
  esac
}

fail() {
  echo "testbed: $*" >&2
  exit 1
}

# Where the finished module lies: <cache>/<module>/<hash>.
module_dir() {
  local hash
  hash=$({ cat "$here/modules/$1/go.mod" "$here/modules/$1/go.sum"; recipe "$1"; uname -sm; } | sha256sum)
  echo "$cache/$1/${hash:0:20}"
}

need_tools() {
  command -v go >/dev/null || fail "Go is missing: install Go 1.26 or newer and put it on PATH."
  command -v git >/dev/null || fail "git is missing: install it (Debian: apt-get install git)."
  local version minor
  version=$(go env GOVERSION)
  minor=${version#go1.}
  minor=${minor%%[!0-9]*}
  [[ $version == go1.* && -n $minor && $minor -ge 26 ]] ||
    fail "this is Go ${version#go}, too old: install Go 1.26 or newer and put it on PATH."
}

# Linker flags of one module; the version is the one its go.mod requires.
ldflags() {
  local flags="-s -w" verb module package version
  while read -r verb module package; do
    [[ $verb == version ]] || continue
    version=$(go list -m -f '{{.Version}}' "$module")
    local minor=${version#v*.}
    flags+=" -X $package.gitVersion=$version -X $package.gitMajor=${version:1:1} -X $package.gitMinor=${minor%%.*}"
  done < <(recipe "$1")
  echo "$flags"
}

# Copies what is a CRD or a stage of kwok from a folder of a module's source; what else lies there is for kustomize.
copy_yaml() { # MODULE FOLDER TARGET
  local source file
  source=$(go list -m -f '{{.Dir}}' "$1")/$2
  mkdir -p "$3"
  for file in "$source"/*.yaml; do
    if grep -qE '^kind: (CustomResourceDefinition|Stage)$' "$file"; then
      install -m 644 "$file" "$3/"
    fi
  done
}

# Builds one module into a temporary folder and renames it, so that nobody ever finds a half-built one. Runs in a subshell.
build_module() {
  local module=$1 target=$2 started=$SECONDS
  mkdir -p "$cache/$module"
  exec 9>"$cache/$module/.lock"
  if command -v flock >/dev/null; then flock 9; fi
  [[ ! -d $target ]] || return 0
  need_tools
  echo "testbed: building $module" >&2
  work=$(mktemp -d "$cache/$module/.building.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cd "$here/modules/$module"
  local flags verb first second third
  flags=$(ldflags "$module")
  while read -r verb first second third; do
    case $verb in
      build) go build -buildvcs=false -trimpath -ldflags "$flags" -o "$work/bin/$first" "$second" ;;
      copy) copy_yaml "$second" "$third" "$work/$first" ;;
    esac
  done < <(recipe "$module")
  chmod 755 "$work"
  mv "$work" "$target"
  echo "testbed: built $module in $((SECONDS - started)) s" >&2
}

# Links the finished modules together in one folder.
link_all() { # TARGET MODULE_DIR...
  local target=$1 work
  shift
  work=$(mktemp -d "$cache/.linking.XXXXXX")
  mkdir -p "$work/bin" "$work/crds" "$work/stages"
  local dir kind
  for dir in "$@"; do
    for kind in bin crds stages; do
      [[ ! -d $dir/$kind ]] || ln -s "$dir/$kind"/* "$work/$kind/"
    done
  done
  chmod 755 "$work"
  # Somebody else may have been faster: then theirs is as good as ours.
  mv -T "$work" "$target" 2>/dev/null || rm -rf "$work"
}

export CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS=-mod=readonly GOWORK=off
case ${1:-} in
  "" | --check) ;;
  --tools)
    need_tools
    exit 0
    ;;
  *) fail "unknown argument $1: call it without one, or with --check or --tools." ;;
esac
dirs=()
for module in "${modules[@]}"; do
  dir=$(module_dir "$module")
  dirs+=("$dir")
  [[ ! -d $dir ]] || continue
  [[ ${1:-} != --check ]] || fail "$module is missing: run tests/testbed/build.sh (about 15 minutes on two cores, once)."
  (build_module "$module" "$dir")
done
all_hash=$(printf '%s\n' "${dirs[@]}" | sha256sum)
all=$cache/all-${all_hash:0:20}
[[ -d $all ]] || link_all "$all" "${dirs[@]}"
echo "$all"
