"""Runs a training by the launcher also where it has one rank, so that DDP and FSDP can be tried on a single GPU.

`python -m training` trains such a job in its own process, without a process group.
"""

from __future__ import annotations

import os
import sys

from contract import logs
from contract.failures import guard
from contract.hosts import Hosts
from contract.paths import Paths
from training import hyperparameters
from training.distributed import elastic


def run(paths: Paths) -> None:
    """Run the job below `paths` in as many processes as processes_per_host says."""
    options = hyperparameters.read(paths.hyperparameters).options
    elastic.run(options.processes_per_host or 1, Hosts(), options.master_port, options.grace_period)


def main() -> int:
    """Run the job; returns the exit status."""
    logs.configure()
    paths = Paths.from_environment(os.environ)
    return guard(lambda: run(paths), paths.failure)


if __name__ == "__main__":
    sys.exit(main())
