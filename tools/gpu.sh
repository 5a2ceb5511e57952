#!/usr/bin/env bash
# Runs `python -m "$@"` in .venv, or on a machine that has none, in an environment made of its Python and .gpu-kit.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

kit=${GPU_KIT:-.gpu-kit} environment=${GPU_ENVIRONMENT:-.gpu-venv}
if [[ -x .venv/bin/python ]]; then
  exec .venv/bin/python -m "$@"
fi
for part in "$kit"/*/; do
  done=$environment/kit-$(basename "$part")
  [[ -f $done ]] || "${PYTHON:-python3}" tools/gpu_environment.py "$part" "$environment"
  touch "$done"
done
environment=$(realpath "$environment")
export PATH=$environment/bin:$PATH
export GPU_MODEL=${GPU_MODEL:-$environment/model} GPU_DATA=${GPU_DATA:-$environment/reviews.tsv.gz}
exec "$environment/bin/python" -m "$@"
