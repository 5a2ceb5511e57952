#!/usr/bin/env bash
# The shape of the training container's own entry: bash stays PID 1 and `train` is its child,
# so a signal to the container never reaches the training. The image above replaces it.
"${@:-train}"
