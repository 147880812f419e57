#!/usr/bin/env bash
# Makes .venv with the project and its development tools. As root on a machine with
# apt it installs what is missing: python3-venv, and what the tests of the receivers
# need (SoapySDR, a C compiler); without the latter these tests are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

root_with_apt() { [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; }

apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq </dev/null >/dev/null &&
    apt-get install -y -qq --no-install-recommends "$@" </dev/null >/dev/null
}

usable() { "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null && usable "$name"; then
      command -v "$name"
      return
    fi
  done
  return 1
}

if ! python=$(find_python); then
  if root_with_apt; then
    echo "setup: installing python3-venv" >&2
    apt_install python3 python3-venv
  fi
  if ! python=$(find_python); then
    echo "setup: no Python 3.11 or newer with the venv module was found. Run" >&2
    echo "    sudo apt-get install python3 python3-venv" >&2
    echo "or name one: make PYTHON=/path/to/python3.11 test" >&2
    exit 1
  fi
fi

# Never soapyremote-server: it opens a service to the network by being installed.
absent=()
for package in python3-soapysdr soapysdr-module-rtlsdr soapysdr-module-hackrf gcc libc6-dev; do
  if root_with_apt && ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$'; then
    absent+=("$package")
  fi
done
if [ "${#absent[@]}" -gt 0 ]; then
  echo "setup: installing ${absent[*]}" >&2
  if ! apt_install "${absent[@]}" 2>/dev/null; then
    echo "setup: not installed: ${absent[*]}; the tests that need them are skipped" >&2
  fi
fi

# A half-made .venv, or one whose Python has gone, is made anew.
if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
  "$python" -m venv --clear .venv
fi
.venv/bin/python -m pip install --disable-pip-version-check --quiet --editable '.[dev]' </dev/null
