#!/bin/sh
# Installs the requirement files given into the environment of `python`, inside a build.
# Newer bases manage theirs with uv and have no pip. A private index, a certificate or a folder
# of wheels arrive as a pip.conf that is mounted for this step only and leaves no trace.
set -eu

for file in "$@"; do
  set -- "$@" -r "$file"
  shift
done

export PIP_CONFIG_FILE=/run/secrets/pip.conf
if [ -f /run/secrets/ca.pem ]; then
  export SSL_CERT_FILE=/run/secrets/ca.pem
fi

if python -m pip --version >/dev/null 2>&1; then
  exec python -m pip install --no-cache-dir --disable-pip-version-check --root-user-action=ignore "$@"
fi
exec uv pip install --no-cache --python "$(command -v python)" --find-links /wheels "$@"
