#!/usr/bin/env bash
# Marks the stand-in as one of the next generation: the container's own script of this name sets defaults of training.
