#!/usr/bin/env bash
# Makes .venv with the project and its development tools, installing Debian's
# python3-venv when it is missing and this is root on a machine with apt.
set -euo pipefail
cd "$(dirname "$0")/.."

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
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "setup: installing python3-venv" >&2
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null >/dev/null
    apt-get install -y -qq --no-install-recommends python3 python3-venv </dev/null >/dev/null
  fi
  if ! python=$(find_python); then
    echo "setup: no Python 3.11 or newer with the venv module was found. Run" >&2
    echo "    sudo apt-get install python3 python3-venv" >&2
    echo "or name one: make PYTHON=/path/to/python3.11 test" >&2
    exit 1
  fi
fi

# A half-made .venv, or one whose Python has gone, is made anew.
if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
  "$python" -m venv --clear .venv
fi
.venv/bin/python -m pip install --disable-pip-version-check --quiet --editable '.[dev]' </dev/null
