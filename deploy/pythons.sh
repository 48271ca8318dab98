#!/usr/bin/env bash
# Provides the Pythons that the tracer is tested and benchmarked on, each with
# pytest, xdist, pytest-cov, Hypothesis, and CPython's own tests if available.
# Nothing is installed: packages from the distribution's releases are unpacked into
# separate trees, and run with the C library of their release. It is idempotent,
# quick if there is nothing to do, and does not need root.
#
#   deploy/pythons.sh [--list]
#
#   --list   print the paths of the available Pythons, one per line; change nothing
#
# The trees, and a program bin/python3.X per Python, go to $REPAIRD_PYTHONS, else to
# pythons/ in the state directory ($REPAIRD_STATE, else /var/lib/repaird; without
# root ~/.local/share/repaird). Minor versions that no release has come from pyenv,
# or from a CI machine's tool cache, as virtual environments.
#
# Progress goes to stderr. An unavailable Python is reported but is not an error.
# Exit codes: 0, and 2 for a usage error.
set -euo pipefail
export LC_ALL=C
umask 022

state=${REPAIRD_STATE:-}
if [[ -z $state ]]; then
  state=/var/lib/repaird
  [[ $(id -u) -eq 0 ]] || state=$HOME/.local/share/repaird
fi
target=${REPAIRD_PYTHONS:-$state/pythons}

say() { echo "pythons: $*" >&2; }

list() {
  local f
  for f in "$target"/bin/python3.?*; do
    [[ ! -x $f ]] || echo "$f"
  done
}

case "$*" in
  '') ;;
  --list) list; exit 0 ;;
  -h|--help) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
  *) echo "pythons: unknown arguments $* (see --help)" >&2; exit 2 ;;
esac

# ---- releases ---------------------------------------------------------------

distribution() { (. /etc/os-release && case "${ID:-} ${ID_LIKE:-}" in *ubuntu*) echo ubuntu ;; *debian*) echo debian ;; *) echo "${ID:-unknown}" ;; esac); }

# RELEASE COMPONENT MINOR-VERSION…
releases() {
  case $(distribution) in
    debian) printf '%s\n' 'bullseye main 3.9' 'bookworm main 3.11' 'trixie main 3.13' 'sid main 3.14 3.15' ;;
    ubuntu) printf '%s\n' 'jammy universe 3.10' 'noble universe 3.12' 'resolute universe 3.14' ;;
  esac
}

# Prints the first mirror for this machine's release in apt's configuration.
mirror() {
  local codename
  codename=$(. /etc/os-release && echo "${UBUNTU_CODENAME:-${VERSION_CODENAME:-}}")
  apt-get indextargets --format '$(CREATED_BY) $(COMPONENT) $(CODENAME) $(REPO_URI)' 2>/dev/null |
    awk -v c="$codename" '$1 == "Packages" && $2 == "main" && $3 == c { print $4; exit }'
}

keyring() {
  local f
  for f in /usr/share/keyrings/{debian,ubuntu}-archive-keyring.gpg; do
    [[ $f != *"$(distribution)"* || ! -e $f ]] || echo "$f"
  done
}

tag() { # RELEASE: prints its name with the digest of its recipe
  local digest
  digest=$({ declare -f releases private_apt apt_update available unpack relink wrap build_tree; echo "$1"; uname -m; } | sha256sum)
  echo "$1-${digest:0:12}"
}

# Runs apt with its own state, in which no package is installed.
private_apt() { # DIR TOOL ARGUMENT…
  local dir=$1 tool=$2
  shift 2
  "$tool" -o Dir::State="$dir" -o Dir::State::status="$dir/status" -o Dir::State::lists="$dir/lists" \
    -o Dir::Cache="$dir/cache" -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts="$dir/none" \
    -o Dir::Etc::preferences="$dir/none" -o Dir::Etc::preferencesparts="$dir/none" \
    -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
    -o Acquire::Retries=2 -o APT::Sandbox::User= -o APT::Install-Recommends=false \
    -o DPkg::Lock::Timeout=60 "$@"
}

apt_update() { # DIR RELEASE COMPONENT
  local dir=$1 key
  key=$(keyring)
  mkdir -p "$dir"/lists/partial "$dir"/cache/archives/partial "$dir"/none
  : >"$dir/status"
  echo "deb ${key:+[signed-by=$key] }$(mirror) $2 main$([[ $3 == main ]] || echo " $3")" >"$dir/sources.list"
  private_apt "$dir" apt-get update -q
}

# Prints those of the named packages that the release has.
available() { # DIR PACKAGE…
  local dir=$1
  shift
  comm -12 <(private_apt "$dir" apt-cache pkgnames | sort) <(printf '%s\n' "$@" | sort)
}

unpack() { # TREE DEB…
  local tree=$1 deb
  shift
  for deb in "$@"; do
    dpkg-deb --fsys-tarfile "$deb" |
      tar -C "$tree" -x --no-same-owner --keep-directory-symlink \
        --exclude='./usr/share/doc' --exclude='./usr/share/man' --exclude='./usr/share/locale' --exclude='./usr/share/javascript'
  done
}

# Makes a package's absolute links relative, because they refer to its own tree.
relink() { # TREE
  local tree=$1 link to
  find "$tree" -type l -lname '/*' -print | while read -r link; do
    to=$(readlink "$link")
    [[ $to == "$tree"/* ]] || ln -sfn "$(realpath -ms --relative-to="$(dirname "$link")" "$tree$to")" "$link"
  done
}

# Replaces the interpreter with a wrapper that starts it with the tree's loader and
# libraries. It has the interpreter's path and passes on its own name, so that
# Python finds its library, sys.executable works for child processes, and virtual
# environments can link to it.
wrap() { # TREE FINAL-PATH-OF-TREE MINOR
  local tree=$1 final=$2 minor=$3 loader libs
  loader=$(cd "$tree" && find usr -name 'ld-linux*.so.*' | head -n 1)
  libs=$(cd "$tree" && dirname "$(find usr/lib -name libc.so.6 | head -n 1)")
  mv "$tree/usr/bin/python$minor" "$tree/usr/bin/python$minor.real"
  cat >"$tree/usr/bin/python$minor" <<WRAPPER
#!/bin/sh
exec $final/$loader --library-path $final/$libs --argv0 "\$0" $final/usr/bin/python$minor.real "\$@"
WRAPPER
  chmod 755 "$tree/usr/bin/python$minor"
}

build_tree() { # RELEASE COMPONENT MINOR…
  local release=$1 component=$2 dir final work minor packages
  final=$target/$(tag "$1")
  shift 2
  [[ ! -e $final/complete ]] || return 0
  say "making the Pythons of $release ($*; about a minute; log in $final.log)"
  dir=$final.partial work=$final.partial/apt
  rm -rf --one-file-system "$final" "$dir"
  mkdir -p "$work" "$dir"/usr/{bin,sbin,lib,lib64}
  for name in bin sbin lib lib64; do ln -s "usr/$name" "$dir/$name"; done
  {
    apt_update "$work" "$release" "$component"
    packages=$(available "$work" libpython3-stdlib python3-coverage python3-hypothesis python3-iniconfig python3-packaging \
      python3-pluggy python3-pytest python3-pytest-cov python3-pytest-xdist python3-py python3-toml python3-distutils \
      $(for minor in "$@"; do echo "python$minor" "libpython$minor-testsuite"; done))
    # shellcheck disable=SC2086 # word splitting is intended
    private_apt "$work" apt-get install -q -y --download-only $packages
    rm -f "$work"/cache/archives/{libjs-,dpkg_,debconf_,tar_,perl,net-tools_,tzdata}*.deb
    unpack "$dir" "$work"/cache/archives/*.deb
    # Debian 11's loader lacks --argv0. A newer C library also runs programs built
    # for an older one.
    if [[ $release == bullseye ]]; then
      apt_update "$work/newer" bookworm main
      (cd "$work/newer" && private_apt "$work/newer" apt-get download -q libc6)
      unpack "$dir" "$work"/newer/libc6_*.deb
    fi
    rm -rf "$work"
    relink "$dir"
    for minor in "$@"; do
      [[ -x $dir/usr/bin/python$minor ]] || { echo "no python$minor in $release"; continue; }
      wrap "$dir" "$final" "$minor"
    done
    touch "$dir/complete"
    mv -T "$dir" "$final"
    for minor in "$@"; do
      [[ -x $final/usr/bin/python$minor ]] || continue
      # Compiles what tests import; CPython's own tests are compiled when they run.
      "$final/usr/bin/python$minor" -m compileall -q -j 2 -x '/(test|tests|idlelib|lib2to3|config-[^/]*)/' \
        "$final/usr/lib/python$minor" "$final/usr/lib/python3/dist-packages" || true
    done
  } >"$final.log" 2>&1
}

# ---- other Pythons ----------------------------------------------------------

# Prints an interpreter of this minor version that is already on the machine.
find_other() { # MINOR
  local f
  for f in "$HOME/.pyenv/versions/$1".*/bin/python3 /opt/hostedtoolcache/Python/"$1".*/x64/bin/python3 "/usr/bin/python$1"; do
    [[ -x $f ]] && "$f" -c 'import ensurepip, venv' 2>/dev/null && { echo "$f"; return 0; }
  done
  return 1
}

build_environment() { # MINOR
  local minor=$1 python dir
  python=$(find_other "$minor") || return 1
  dir=$target/venv-$minor-$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
  if [[ ! -e $dir/complete ]]; then
    say "creating a virtual environment for $python"
    rm -rf "$dir"
    "$python" -m venv "$dir" >"$dir.log" 2>&1 &&
      "$dir/bin/python" -m pip install --quiet --disable-pip-version-check pytest pytest-xdist pytest-cov hypothesis coverage >>"$dir.log" 2>&1 &&
      touch "$dir/complete" || { say "creating the environment for $python failed; see $dir.log"; return 1; }
  fi
  publish "$minor" "$dir/bin/python"
}

# ---- main -------------------------------------------------------------------

# A program in bin/ starts another under that one's name, because Python finds its
# library and environment by the name that it was started with.
publish() { # MINOR PROGRAM
  local script
  if [[ $(head -c 2 "$2") == '#!' ]]; then
    script=$(sed "s|\"\$0\"|$2|" "$2")
  else
    script=$(printf '#!/bin/sh\nexec %s "$@"' "$2")
  fi
  [[ ! -L $target/bin/python$1 && $(cat "$target/bin/python$1" 2>/dev/null) == "$script" ]] && return 0
  echo "$script" >"$target/bin/python$1.partial"
  chmod 755 "$target/bin/python$1.partial"
  mv "$target/bin/python$1.partial" "$target/bin/python$1"
}

mkdir -p "$target/bin"
exec 9>"$target/lock"
if ! flock -n 9; then
  say "another run is in progress; waiting for it"
  flock 9
fi

if [[ -n $(releases) && -z $(mirror) ]]; then
  say "apt has no mirror for this system; skipping Pythons from other releases"
else
  jobs=()
  while read -r -a line; do
    build_tree "${line[@]}" 9>&- &
    jobs+=($!)
  done < <(releases)
  for job in "${jobs[@]}"; do wait "$job" || true; done
  while read -r -a line; do
    tree=$target/$(tag "${line[0]}")
    [[ -e $tree/complete ]] || { say "the Pythons of ${line[0]} are not available; see $tree.log"; continue; }
    for minor in "${line[@]:2}"; do
      if grep -qs "$tree/" "$target/bin/python$minor" || "$tree/usr/bin/python$minor" -c 'import pytest' 2>>"$tree.log"; then
        publish "$minor" "$tree/usr/bin/python$minor"
      else
        say "Python $minor of ${line[0]} is not available; see $tree.log"
      fi
    done
  done < <(releases)
fi

for minor in 3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13 3.14 3.15; do
  [[ -x $target/bin/python$minor ]] || build_environment "$minor" 9>&- || say "Python $minor is not available on this machine"
done
