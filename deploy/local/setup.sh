#!/usr/bin/env bash
# Makes .venv with everything in requirements.lock. Needs python3 3.11 or later, and nothing else:
# uv is taken from the PATH or installed into .venv itself.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "Patchbay needs Python 3.11 or later; $("$python" --version) is too old. Set PYTHON=…" >&2
  exit 1
fi

if uv=$(command -v uv); then
  [ -x .venv/bin/python ] || "$uv" venv -q --python "$python" .venv
else
  if ! "$python" -m venv .venv 2>/dev/null; then
    # Debian keeps venv's pip in a package of its own.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
      echo "Installing python3-venv…" >&2
      apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y python3-venv >/dev/null
      "$python" -m venv .venv
    else
      echo "python3 cannot make environments here; install the package python3-venv." >&2
      exit 1
    fi
  fi
  .venv/bin/python -m pip install -q --disable-pip-version-check "$(sed -n 's/^\(uv==[^ ;]*\).*/\1/p' requirements.lock)"
  uv=.venv/bin/uv
fi

echo "Installing the locked dependencies…" >&2
"$uv" pip sync -q --compile-bytecode --python .venv/bin/python --require-hashes requirements.lock
"$uv" pip install -q --python .venv/bin/python --no-deps -e .
touch .venv/.ready
