#!/usr/bin/env bash
# Makes .venv with the project and its development tools. As root on a machine with
# apt it installs what is missing: python3-venv, what the tests of the receivers need
# (SoapySDR, a C compiler), and what the window and its tests need (libraries of Qt, a
# screen in memory); without these last two, tests are skipped.
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

# Installs what is absent of a group, whose absence only skips tests.
want() {
  local package absent=()
  root_with_apt || return 0
  for package in "$@"; do
    if ! dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$'; then
      absent+=("$package")
    fi
  done
  [ "${#absent[@]}" -gt 0 ] || return 0
  echo "setup: installing ${absent[*]}" >&2
  if ! apt_install "${absent[@]}" 2>/dev/null; then
    echo "setup: not installed: ${absent[*]}; the tests that need them are skipped" >&2
  fi
}

# Never soapyremote-server: it opens a service to the network by being installed.
want python3-soapysdr soapysdr-module-rtlsdr soapysdr-module-hackrf gcc libc6-dev
# Qt's libraries with and without a screen; a screen in memory, and hands for it.
want libglib2.0-0 libgl1 libegl1 libxkbcommon0 libfontconfig1 libdbus-1-3 fonts-dejavu-core \
  libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxcb-xkb1 libxkbcommon-x11-0 \
  xvfb xdotool

# A half-made .venv, or one whose Python has gone, is made anew.
if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
  "$python" -m venv --clear .venv
fi
.venv/bin/python -m pip install --disable-pip-version-check --quiet --editable '.[dev]' </dev/null

# The inner loops, so that no first run waits for them. Kept beside the sources.
.venv/bin/python -c 'from sdr_detect.compiled import ready; ready()'
