#!/usr/bin/env bash
# Builds a base root file system whose Python is one that no release of the
# distribution has: a copy of a base system with that Python in /usr/local, where
# it comes first in PATH, and pytest for it.
#
#   python.sh ROOTFS PREFIX TARGET
#
# ROOTFS is the base system to copy, PREFIX where the Python is installed on this
# machine, such as ~/.pyenv/versions/3.8.18. TARGET must not exist. setup.sh puts
# the digest of this very file into its name. Needs root.
set -euo pipefail
export LC_ALL=C

rootfs=$1 prefix=$2 target=$3
python=$("$prefix/bin/python3" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')

cp -a --reflink=auto "$rootfs" "$target"
mkdir -p "$target/usr/local/bin" "$target/usr/local/lib" "$target/usr/local/include"
cp -a "$prefix/bin/$python" "$target/usr/local/bin/"
ln -sfn "$python" "$target/usr/local/bin/python3"
cp -a "$prefix/lib/$python" "$target/usr/local/lib/"
cp -a "$prefix/include/$python"* "$target/usr/local/include/"
find "$prefix/lib" -maxdepth 1 -name 'libpython*' -exec cp -a {} "$target/usr/local/lib/" \;
rm -rf "$target/usr/local/lib/$python"/{test,idlelib,lib2to3/tests} "$target/usr/local/lib/$python"/site-packages/*

# The machine's pip installs what the base system's Python imports.
"$prefix/bin/python3" -m pip install --quiet --disable-pip-version-check --target "$target/usr/local/lib/$python/site-packages" pytest >&2
chown -R 0:0 "$target/usr/local"
find "$target/usr/local" -perm /6000 -type f -exec chmod a-s {} +
chroot "$target" ldconfig # the interpreter's own library is among those of /usr/local
chroot "$target" "/usr/local/bin/$python" -m compileall -q "/usr/local/lib/$python" >/dev/null || true # some files are there to fail
chroot "$target" /usr/local/bin/python3 -c 'import bz2, ctypes, ensurepip, hashlib, lzma, pytest, sqlite3, ssl, venv, zlib'
