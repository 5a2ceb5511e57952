#!/usr/bin/env bash
# Entry point of the training stand-in, as in the Deep Learning Container. bash stays PID 1 and `train` is its
# child, so a signal to the container never reaches the training; the training image replaces this entry point.
"${@:-train}"
