#!/usr/bin/env bash
# Installs the real clients that end-to-end tests run: the current Sentry SDK and
# OpenTelemetry, from the package index, into a virtual environment below the state
# directory, and the distribution's Sentry SDK as a package. Also unpacks the
# sources of projects whose own tests the tracer must not break, and greenlet, whose
# greenlets it must tell apart. Idempotent.
set -euo pipefail

state=${REPAIRD_STATE:-}
if [[ -z $state ]]; then
  state=/var/lib/repaird
  [[ $(id -u) -eq 0 ]] || state=$HOME/.local/share/repaird
fi
requirements='sentry-sdk==2.75.0
flask==3.1.3
brotli==1.2.1
opentelemetry-sdk==1.45.1
opentelemetry-exporter-otlp-proto-http==1.45.1
opentelemetry-instrumentation-flask==0.66b1'
venv=$state/test-clients/$(sha256sum <<<"$requirements" | cut -c1-12)

if [[ ! -e $venv/ready ]]; then
  echo "test-clients: installing Sentry's and OpenTelemetry's SDKs into $venv" >&2
  rm -rf "$venv"
  mkdir -p "$(dirname "$venv")"
  /usr/bin/python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --requirement <(echo "$requirements")
  touch "$venv/ready"
fi
ln -sfn "$venv" "$state/test-clients/current"

# Source distributions that contain their tests. MarkupSafe is a dependency of
# Jinja, which uses its pure Python version.
projects='click==8.1.8
jinja2==3.1.4
markupsafe==2.1.5
more-itertools==10.5.0'
sources=$state/test-clients/projects-$(sha256sum <<<"$projects" | cut -c1-12)

if [[ ! -e $sources/ready ]]; then
  echo "test-clients: unpacking the sources of ${projects//$'\n'/, } into $sources" >&2
  rm -rf "$sources"
  mkdir -p "$sources/archives"
  "$venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
    --dest "$sources/archives" --requirement <(echo "$projects")
  for archive in "$sources"/archives/*.tar.gz; do
    name=$(basename "$archive" | tr '[:upper:]_' '[:lower:]-')
    mkdir "$sources/${name%-*}"
    tar -x --no-same-owner --strip-components=1 -C "$sources/${name%-*}" -f "$archive"
  done
  rm -rf "$sources/archives"
  touch "$sources/ready"
fi
ln -sfn "$sources" "$state/test-clients/projects"

# greenlet and gevent for the Pythons of deploy/pythons.sh that the tracer is tested
# with, one directory each: wheels only, which need not run on this machine's Python.
wheels='3.9 greenlet==3.2.5 gevent==25.9.1
3.11 greenlet==3.5.6 gevent==26.9.0
3.13 greenlet==3.5.6 gevent==26.9.0
3.15 greenlet==3.5.6 gevent==26.9.0'
greenlets=$state/test-clients/greenlets-$(sha256sum <<<"$wheels" | cut -c1-12)

if [[ ! -e $greenlets/ready ]]; then
  echo "test-clients: unpacking greenlet and gevent into $greenlets" >&2
  rm -rf "$greenlets"
  missing=
  while read -r -a line; do
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --implementation cp \
      --python-version "${line[0]}" --target "$greenlets/python${line[0]}" "${line[@]:1}" ||
      { missing=1 && echo "test-clients: no greenlet for Python ${line[0]} on this machine" >&2; }
  done <<<"$wheels"
  mkdir -p "$greenlets"
  [[ $missing ]] || touch "$greenlets/ready"
fi
ln -sfn "$greenlets" "$state/test-clients/greenlets"

if ! /usr/bin/python3 -c 'import sentry_sdk, flask' 2>/dev/null; then
  if [[ $(id -u) -eq 0 ]]; then
    echo "test-clients: installing the distribution's Sentry SDK and Flask" >&2
    export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
    apt-get update -qq >&2
    apt-get install -y -qq python3-sentry-sdk python3-flask >&2
  else
    echo "test-clients: to test the distribution's Sentry SDK too, run as root: apt-get install python3-sentry-sdk python3-flask" >&2
    [[ -z ${CI:-} ]] || exit 4
  fi
fi
