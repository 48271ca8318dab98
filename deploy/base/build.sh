#!/usr/bin/env bash
# Builds one base root file system for sandboxes with debootstrap: a minimal
# system with Python, venv, pip and pytest, without setuid files, caches and
# documentation, and with the packages of $REPAIRD_BASE_PACKAGES.
#
#   build.sh RELEASE MIRROR TARGET
#
# TARGET must not exist. setup.sh puts the digest of this very file into its name,
# so that a changed recipe is a new base. Needs root. The build has mount and PID
# namespaces of its own: when it is interrupted, nothing stays mounted or running.
set -euo pipefail
export LC_ALL=C

release=$1 mirror=$2 target=$3

if [[ -z ${REPAIRD_BASE_NAMESPACE:-} ]]; then
  REPAIRD_BASE_NAMESPACE=1 exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc -- "$BASH" "$0" "$@"
fi

components=main
case $release in
  jammy|noble|resolute) components=main,universe ;; # pip and pytest live in universe
esac

debootstrap --variant=minbase --components="$components" \
  --include="python3,python3-venv,python3-pip,python3-pytest,ca-certificates${REPAIRD_BASE_PACKAGES:+,${REPAIRD_BASE_PACKAGES// /,}}" \
  "$release" "$target" ${mirror:+"$mirror"} >&2

# What a test never reads. Compiled Python stays: the root is read-only in a
# sandbox, so a module without its .pyc would be compiled again in every run.
rm -rf "$target"/var/cache/apt/* "$target"/var/lib/apt/lists/* "$target"/var/log/* \
  "$target"/var/cache/debconf/* "$target"/usr/share/doc/* "$target"/usr/share/man/* \
  "$target"/usr/share/info/* "$target"/usr/share/locale/* "$target"/usr/share/zoneinfo/right \
  "$target"/usr/share/zoneinfo/posix "$target"/tmp/* "$target"/root/.??*

# Host facts that debootstrap copied. The empty files are mount points.
for name in hostname resolv.conf hosts; do
  rm -f "$target/etc/$name"
  : >"$target/etc/$name"
done
printf '127.0.0.1 localhost\n::1 localhost\n' >"$target/etc/hosts"

find "$target" -xdev -perm /6000 -type f -exec chmod a-s {} +

# Device nodes come from the sandbox, never from the base.
find "$target/dev" -mindepth 1 -xdev -delete
