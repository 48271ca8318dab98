#!/usr/bin/env bash
# Prepares a Debian or Ubuntu machine for repaird. It is idempotent, and quick if
# there is nothing to do.
#
#   deploy/setup.sh [--check] [--no-bases] [--no-browser]
#
#   --check       report what is missing without changing anything; exit with 1 if
#                 anything is
#   --no-bases    do not build the sandboxes' base systems
#   --no-browser  do not install the browser, which only tests need
#
# It installs distribution packages: PostgreSQL 14 or newer, the Docker engine,
# bubblewrap, git, Python 3 with venv and pytest, debootstrap, and Chromium for
# browser tests (except on Ubuntu, which has it only as a snap). As root it starts
# the Docker engine if none is running. Base systems for sandboxes are built with
# debootstrap from apt's mirror, kept below the state directory ($REPAIRD_STATE,
# else /var/lib/repaird; without root ~/.local/share/repaird), imported into the
# Docker engine, and listed in the state directory's bases.json:
#
#   [{"release":"bookworm","python":"3.11","docker":"repaird/base:bookworm-0123456789ab",
#     "rootfs":"/var/lib/repaird/bases/bookworm-0123456789ab/rootfs"}]
#
# $REPAIRD_BASE_PACKAGES names further packages of the distribution that the base
# systems get, separated by spaces: what building a project's dependencies needs,
# such as "build-essential python3-dev libpq-dev". $REPAIRD_BASE_PYTHONS names minor
# versions, such as "3.8 3.9", that no release has: a base system with each is
# built from pyenv's, or a CI machine's tool cache's, if it is there. What they
# name is rebuilt, or left out, as they change.
#
# Progress goes to stderr. Exit codes: 0 ready, 1 something failed or is missing,
# 2 usage error, 4 root is required (the commands to run are printed).
set -euo pipefail
export LC_ALL=C
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
check=0 bases=1 browser=1
for arg in "$@"; do
  case $arg in
    --check) check=1 ;;
    --no-bases) bases=0 ;;
    --no-browser) browser=0 ;;
    -h|--help) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
    *) echo "setup: unknown argument $arg (see --help)" >&2; exit 2 ;;
  esac
done

root=0
[[ $(id -u) -eq 0 ]] && root=1
system_state=/var/lib/repaird
if [[ $root -eq 1 ]]; then
  state=${REPAIRD_STATE:-$system_state}
else
  state=${REPAIRD_STATE:-$HOME/.local/share/repaird}
fi

say() { echo "setup: $*" >&2; }
die() { say "$*"; exit 1; }

# ---- what is installed ------------------------------------------------------

# Prints the newest major version of an installed PostgreSQL server, or 0. On
# Debian, the server's programs are not in PATH.
postgres_major() {
  local dir major best=0
  for dir in /usr/lib/postgresql/*/bin; do
    [[ -x $dir/initdb && -x $dir/pg_ctl ]] || continue
    major=$(basename "$(dirname "$dir")")
    [[ $major =~ ^[0-9]+$ ]] && ((major > best)) && best=$major
  done
  echo "$best"
}

# Checks the engine itself, because the docker command may be only a client.
engine_answers() {
  command -v docker >/dev/null && timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1
}

engine_installed() { [[ -x /usr/bin/dockerd || -x /usr/sbin/dockerd ]] || command -v dockerd >/dev/null; }

browser_installed() { command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; }

missing_packages() {
  local out=()
  (($(postgres_major) >= 14)) || out+=(postgresql)
  if ! engine_answers && ! engine_installed; then out+=(docker.io); fi
  command -v bwrap >/dev/null || out+=(bubblewrap)
  command -v git >/dev/null || out+=(git)
  # The distribution's interpreter, not the first one in PATH.
  if [[ ! -x /usr/bin/python3 ]]; then
    out+=(python3 python3-venv python3-pytest)
  else
    /usr/bin/python3 -I -c 'import ensurepip, venv' 2>/dev/null || out+=(python3-venv)
    /usr/bin/python3 -I -c 'import importlib.util as u, sys; sys.exit(not u.find_spec("pytest"))' || out+=(python3-pytest)
  fi
  if [[ $bases -eq 1 && $root -eq 1 ]]; then
    [[ -x /usr/sbin/debootstrap ]] || out+=(debootstrap)
    [[ -e /usr/share/keyrings/debian-archive-keyring.gpg || $(distribution) != debian ]] || out+=(debian-archive-keyring)
  fi
  [[ -e /etc/ssl/certs/ca-certificates.crt ]] || out+=(ca-certificates)
  if [[ $browser -eq 1 && $(distribution) == debian ]]; then browser_installed || out+=(chromium); fi
  # The race detector needs a C toolchain.
  command -v gcc >/dev/null || out+=(gcc)
  [[ -e /usr/include/stdlib.h ]] || out+=(libc6-dev)
  echo "${out[@]}"
}

distribution() { (. /etc/os-release && case "${ID:-} ${ID_LIKE:-}" in *ubuntu*) echo ubuntu ;; *debian*) echo debian ;; *) echo "${ID:-unknown}" ;; esac); }

# ---- packages ---------------------------------------------------------------

install_packages() {
  local packages=("$@") quiet=/etc/postgresql-common/createcluster.d/repaird-setup.conf made=0
  command -v apt-get >/dev/null || die "this is not Debian or Ubuntu; install manually: ${packages[*]}"
  say "installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  apt-get update -q >&2
  # The package would create and start its own server. repaird starts a private
  # one, so disable that, for this installation only.
  if [[ " ${packages[*]} " == *" postgresql "* && ! -e $quiet ]]; then
    mkdir -p "$(dirname "$quiet")"
    echo 'create_main_cluster = false' >"$quiet"
    made=1
  fi
  local failed=0
  apt-get install -q -y --no-install-recommends "${packages[@]}" >&2 || failed=1
  if [[ $made -eq 1 ]]; then
    rm -f "$quiet"
    rmdir --ignore-fail-on-non-empty "$(dirname "$quiet")" 2>/dev/null || true
  fi
  [[ $failed -eq 0 ]] || die "apt-get install failed; its output is above"
}

# ---- the engine -------------------------------------------------------------

start_engine() {
  local log=$state/dockerd.log pid i
  mkdir -p "$state"
  if [[ -d /run/systemd/system ]]; then
    say "starting the Docker engine (systemctl start docker)"
    systemctl start docker >&2 || true
  else
    say "starting the Docker engine (dockerd, log in $log)"
    # A stale PID file prevents the engine from starting.
    if [[ -s /var/run/docker.pid ]]; then
      pid=$(cat /var/run/docker.pid)
      [[ $(cat "/proc/$pid/comm" 2>/dev/null) == dockerd ]] || rm -f /var/run/docker.pid
    fi
    PATH=$PATH:/usr/sbin:/sbin setsid nohup dockerd >>"$log" 2>&1 </dev/null 9>&- &
    pid=$!
  fi
  for ((i = 0; i < 120; i++)); do
    engine_answers && return 0
    if [[ -n ${pid:-} && ! -d /run/systemd/system ]] && ! kill -0 "$pid" 2>/dev/null; then
      tail -n 20 "$log" >&2
      die "the Docker engine exited immediately; the end of $log is above"
    fi
    sleep 0.5
  done
  die "the Docker engine did not respond within 60 s; see $log or journalctl -u docker"
}

# ---- base systems -----------------------------------------------------------

releases() {
  case $(distribution) in
    debian) echo bookworm trixie ;;
    ubuntu) (. /etc/os-release && echo "${UBUNTU_CODENAME:-$VERSION_CODENAME}") ;;
  esac
}

# Prints the first mirror for this machine's release in apt's configuration.
mirror() {
  local codename
  codename=$(. /etc/os-release && echo "${UBUNTU_CODENAME:-${VERSION_CODENAME:-}}")
  apt-get indextargets --format '$(CREATED_BY) $(COMPONENT) $(CODENAME) $(REPO_URI)' 2>/dev/null |
    awk -v c="$codename" '$1 == "Packages" && $2 == "main" && $3 == c { print $4; exit }'
}

tag() { # RELEASE: prints its name with the digest of its recipe
  local digest
  digest=$({ cat "$here/base/build.sh"; echo "$1${REPAIRD_BASE_PACKAGES:+ $REPAIRD_BASE_PACKAGES}"; uname -m; } | sha256sum)
  echo "$1-${digest:0:12}"
}

python_of() { # ROOTFS: prints its Python's minor version, such as 3.11
  local f
  for f in "$1"/usr/bin/python3.[0-9]*; do
    [[ $f =~ /python(3\.[0-9]+)$ ]] && { echo "${BASH_REMATCH[1]}"; return; }
  done
  return 1
}

build_base() { # RELEASE
  local release=$1 name dir proxy
  name=$(tag "$release") dir=$state/bases/$(tag "$release")
  [[ -e $dir/complete ]] && return 0
  say "building the base system $name (two to four minutes; log in $dir.log)"
  proxy=$(apt-config shell p Acquire::http::Proxy 2>/dev/null | sed -n "s/^p='\(.*\)'$/\1/p")
  rm -rf --one-file-system "$dir" "$dir.partial"
  mkdir -p "$dir.partial"
  if ! env ${proxy:+http_proxy="$proxy"} "$here/base/build.sh" "$release" "$(mirror)" "$dir.partial/rootfs" >"$dir.log" 2>&1 ||
    ! python_of "$dir.partial/rootfs" >/dev/null; then
    tail -n 15 "$dir.log" >&2
    say "building $name failed; the end of $dir.log is above"
    return 1
  fi
  touch "$dir.partial/complete"
  mv -T "$dir.partial" "$dir"
  say "built $name"
}

# Prints the prefix of a Python that is on the machine, for a base system.
prefix_of() { # MINOR
  local dir
  for dir in "$HOME"/.pyenv/versions/"$1".* /opt/hostedtoolcache/Python/"$1".*/x64; do
    [[ -x $dir/bin/python3 ]] && "$dir/bin/python3" -c 'import ensurepip, venv' 2>/dev/null && { echo "$dir"; return 0; }
  done
  return 1
}

# Prints the minor versions of $REPAIRD_BASE_PYTHONS that the machine has.
extra_pythons() {
  local minor
  for minor in ${REPAIRD_BASE_PYTHONS:-}; do
    if prefix_of "$minor" >/dev/null; then echo "$minor"; else say "Python $minor is not on this machine"; fi
  done
}

first_release() { releases | awk '{ print $1; exit }'; }

python_tag() { # MINOR: prints the name of its base system
  local digest
  digest=$({ cat "$here/base/python.sh"; tag "$(first_release)"; prefix_of "$1"; } | sha256sum)
  echo "python$1-${digest:0:12}"
}

build_python_base() { # MINOR
  local name dir
  name=$(python_tag "$1") dir=$state/bases/$(python_tag "$1")
  [[ -e $dir/complete ]] && return 0
  say "building the base system $name (log in $dir.log)"
  rm -rf --one-file-system "$dir" "$dir.partial"
  mkdir -p "$dir.partial"
  if ! "$here/base/python.sh" "$state/bases/$(tag "$(first_release)")/rootfs" "$(prefix_of "$1")" "$dir.partial/rootfs" >"$dir.log" 2>&1; then
    tail -n 15 "$dir.log" >&2
    say "building $name failed; the end of $dir.log is above"
    return 1
  fi
  touch "$dir.partial/complete"
  mv -T "$dir.partial" "$dir"
}

import_base() { # NAME: imports it into the engine if necessary
  local name=$1 dir=$state/bases/$1
  docker image inspect "repaird/base:$name" >/dev/null 2>&1 && return 0
  say "importing $name into the Docker engine"
  tar -C "$dir/rootfs" --one-file-system --numeric-owner -c . |
    docker import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
      --change "LABEL dev.repaird.base=$name" - "repaird/base:$name" >/dev/null
}

# Prints NAME RELEASE PYTHON for each base system that there is.
built_bases() {
  local release minor dir
  for release in $(releases); do
    dir=$state/bases/$(tag "$release")
    [[ ! -e $dir/complete ]] || echo "$(tag "$release") $release $(python_of "$dir/rootfs")"
  done
  for minor in $(extra_pythons 2>/dev/null); do
    [[ ! -e $state/bases/$(python_tag "$minor")/complete ]] || echo "$(python_tag "$minor") python$minor $minor"
  done
}

write_index() {
  local release name python comma='' out
  out=$(
    echo '['
    while read -r name release python; do
      printf '%s  {"release":"%s","python":"%s","docker":"repaird/base:%s","rootfs":"%s"}' \
        "$comma" "$release" "$python" "$name" "$state/bases/$name/rootfs"
      comma=$',\n'
    done < <(built_bases)
    printf '\n]\n'
  )
  [[ -e $state/bases.json && $(cat "$state/bases.json") == "$out" ]] && return 0
  echo "$out" >"$state/bases.json.partial"
  mv "$state/bases.json.partial" "$state/bases.json"
}

bases_ready() {
  local release minor
  for release in $(releases); do
    [[ -e $state/bases/$(tag "$release")/complete ]] || return 1
    docker image inspect "repaird/base:$(tag "$release")" >/dev/null 2>&1 || return 1
  done
  for minor in $(extra_pythons 2>/dev/null); do
    [[ -e $state/bases/$(python_tag "$minor")/complete ]] || return 1
    grep -qs "\"repaird/base:$(python_tag "$minor")\"" "$state/bases.json" || return 1
  done
  [[ -e $state/bases.json ]]
}

jobs=()
# Background jobs ignore interrupts; each has its own process group.
stop_jobs() { for job in "${jobs[@]}"; do kill -TERM -- "-$job" 2>/dev/null || true; done; }

make_bases() {
  local release job minor name failed=0
  mkdir -p "$state/bases"
  trap stop_jobs EXIT
  trap 'exit 130' INT TERM HUP
  set -m
  for release in $(releases); do
    build_base "$release" 9>&- &
    jobs+=($!)
  done
  set +m
  for job in "${jobs[@]}"; do wait "$job" || failed=1; done
  jobs=()
  for minor in $(extra_pythons); do build_python_base "$minor" 9>&- || failed=1; done
  while read -r name _; do import_base "$name" </dev/null; done < <(built_bases)
  write_index
  grep -q '"release"' "$state/bases.json" || die "no base system could be built"
  [[ $failed -eq 0 ]] || say "continuing with the base systems that were built"
}

# ---- main -------------------------------------------------------------------

packages=$(missing_packages)
engine=0
engine_answers && engine=1

if [[ $check -eq 1 ]]; then
  ok=0
  [[ -z $packages ]] || { say "missing packages: $packages"; ok=1; }
  [[ $engine -eq 1 ]] || { say "the Docker engine is not running"; ok=1; }
  [[ $bases -eq 0 ]] || bases_ready || { say "base systems are missing in $state or in the engine"; ok=1; }
  exit $ok
fi

if [[ $root -eq 0 ]]; then
  todo=()
  [[ -z $packages ]] || todo+=("sudo apt-get update && sudo apt-get install -y $packages")
  if [[ $engine -eq 0 ]]; then
    if [[ -S /var/run/docker.sock && ! -w /var/run/docker.sock ]]; then
      todo+=("sudo usermod -aG docker $(id -un 2>/dev/null || id -u)   # for access to the engine's socket; then log in again")
    else
      todo+=("sudo systemctl start docker")
    fi
  fi
  if [[ $bases -eq 1 && ! -e $system_state/bases.json ]]; then
    todo+=("sudo $here/setup.sh   # builds the sandboxes' base systems in $system_state")
  fi
  if [[ ${#todo[@]} -gt 0 ]]; then
    say "root is required. Run:"
    printf '    %s\n' "${todo[@]}" >&2
    exit 4
  fi
  if [[ $bases -eq 1 ]]; then
    mkdir -p "$state"
    cmp -s "$system_state/bases.json" "$state/bases.json" || cp "$system_state/bases.json" "$state/bases.json"
  fi
  exit 0
fi

if [[ -z $packages && $engine -eq 1 ]] && { [[ $bases -eq 0 ]] || bases_ready; }; then
  exit 0
fi

mkdir -p "$state"
exec 9>"$state/setup.lock"
if ! flock -n 9; then
  say "another setup is running; waiting for it"
  flock 9
fi
# Children must not hold the lock after this script exits, hence 9>&- on each.

packages=$(missing_packages)
if [[ -n $packages ]]; then
  # shellcheck disable=SC2086 # word splitting is intended
  install_packages $packages 9>&-
fi
# Since Debian 13 the engine's package only recommends its client.
command -v docker >/dev/null || install_packages docker-cli 9>&-
engine_answers || start_engine
[[ $bases -eq 0 ]] || make_bases
say "ready"
