#!/usr/bin/env bash
# Installs one service of Patchbay into an environment of its own, from the lock:
#
#   deploy/build/install.sh TARGET FOLDER [dependencies|package]
#
# TARGET is intake, router, notifier, standalone or migrate. The Dockerfile runs the two steps apart,
# so that a change of the code does not install the dependencies anew; without a step both are done.
# PYTHON chooses the interpreter. Every file that is installed has its hash in requirements.lock, the
# tools that install them included.
set -euo pipefail

if [ $# -lt 2 ]; then
  sed -n 's/^# \{0,1\}//; 2,9p' "$0" >&2
  exit 2
fi
target=$1 folder=$2 step=${3:-all}
python=${PYTHON:-python3}
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! uv=$(command -v uv); then
  "$python" "$here/locked.py" tool:uv >"$work/uv.txt"
  "$python" -m venv "$work/uv"
  "$work/uv/bin/python" -m pip install -q --disable-pip-version-check --require-hashes -r "$work/uv.txt"
  uv=$work/uv/bin/uv
fi

install() { # FOLDER OPTION…: exactly these files and nothing they might ask for besides
  "$uv" pip install -q --python "$1/bin/python" --no-deps "${@:2}"
}

if [ "$step" != package ]; then
  "$python" "$here/locked.py" "$target" >"$work/requirements.txt"
  "$python" -m venv --without-pip "$folder"
  install "$folder" --require-hashes --compile-bytecode -r "$work/requirements.txt"
fi

if [ "$step" != dependencies ]; then
  "$python" "$here/locked.py" tool:hatchling >"$work/hatchling.txt"
  "$python" -m venv --without-pip "$work/hatchling"
  install "$work/hatchling" --require-hashes -r "$work/hatchling.txt"
  (cd "$here/../.." && "$work/hatchling/bin/python" -m hatchling build -t wheel -d "$work/dist") >/dev/null
  install "$folder" --compile-bytecode "$work"/dist/patchbay-*.whl
  "$uv" pip check -q --python "$folder/bin/python"
fi
