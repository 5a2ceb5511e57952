#!/usr/bin/env bash
# Builds the images of images/images.toml, and pushes them with --push: finds a Python and starts images/build.py.
# For bash 3.2 too, which macOS has.
set -eu
# CDPATH would send a relative path to another folder.
CDPATH='' cd -- "$(dirname -- "$0")"

# Replaces this process by the build in the Python $1, if that is new enough; the other arguments are the build's.
start() {
  local python=$1
  shift
  if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    exec "$python" -m images.build "$@"
  fi
}

candidates='.venv/bin/python python3 python3.14 python3.13 python3.12 python3.11'
if [ -n "${PYTHON:-}" ]; then
  start "$PYTHON" "$@"
else
  for candidate in $candidates; do start "$candidate" "$@"; done
fi
echo "build.sh: none of these is Python 3.11 or later: ${PYTHON:-$candidates}; set PYTHON to one" >&2
exit 2
