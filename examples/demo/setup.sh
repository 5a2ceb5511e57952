#!/usr/bin/env bash
# Creates the virtual environment $1; installs the lock file $2 and the torch version of the requirements file $3.
# PYTHON is the interpreter to use (3.11 or later).
set -euo pipefail

venv=$1 lock=$2 requirements=$3
python=${PYTHON:-python3}

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  { echo "setup: $("$python" --version) is too old, expected Python 3.11 or later; set another with PYTHON=" >&2; exit 2; }
[[ -x $venv/bin/python ]] || "$python" -m venv "$venv" ||
  { echo "setup: $python has no venv module; on Debian: apt-get install python3-venv" >&2; exit 2; }

# sagemaker-training has a C extension that only MPI jobs use. Without a compiler or Python's headers it is
# not compiled, and an empty module is installed in its place.
headers=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
if ! command -v cc >/dev/null || [[ ! -f $headers/Python.h ]]; then
  echo 'setup: no C compiler or no Python.h: building sagemaker-training without its MPI helper'
  export CC=true LDSHARED=true
  site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
  echo '"""Placeholder for the MPI helper of sagemaker-training, which was not compiled."""' >"$site/gethostname.py"
fi

echo 'setup: installing (a few minutes the first time: torch, transformers, the SageMaker toolkits)'
pip=("$venv/bin/python" -m pip install --quiet --disable-pip-version-check)
"${pip[@]}" --use-pep517 --require-hashes --no-deps -r "$lock"
# The build, CPU or CUDA, is this machine's choice, so the lock has no digest of it. What a CPU build needs is installed now.
"${pip[@]}" "$(grep -m 1 '^torch==' "$requirements")"
echo "setup: ready in $venv"
