#!/usr/bin/env bash
# Builds the images of images/images.toml, and pushes them with --push: finds a Python and starts images/build.py.
# For bash 3.2 too, which macOS has.
set -eu
cd "$(dirname "$0")"

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

if [ -n "${PYTHON:-}" ]; then
  candidates=$PYTHON
else
  candidates='.venv/bin/python python3 python3.14 python3.13 python3.12 python3.11'
fi
for candidate in $candidates; do
  if is_new_enough "$candidate"; then exec "$candidate" -m images.build "$@"; fi
done
echo "build.sh: none of these is Python 3.11 or later: $candidates; set PYTHON to one" >&2
exit 2
