"""Runs trainings as forks of a process that has imported all libraries, so that they start in a fraction of a second.

They run training.worker without the launcher, as the single process of a job. For tests with many starts.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import time
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from unittest import mock

from training_base import Job
from training_run import ROOT, SECONDS

from training.distributed.rank_failures import FOLDER_VARIABLE

POLL_SECONDS = 0.02
IMPORTED = ["training.worker", "training.results.verification"]


def run(base: str, log: str) -> None:
    """Train the job below `base`, in the forked process; standard output and error go to the file `log`."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    folder = Path(base) / "ranks"
    folder.mkdir(exist_ok=True)
    os.environ |= {"SAGEMAKER_BASE_DIR": base, FOLDER_VARIABLE: str(folder), "HF_HUB_OFFLINE": "1"}
    import torch

    from training import worker

    torch.set_num_threads(1)
    worker.main()


@dataclass(frozen=True)
class Training:
    """A training that runs, or has run.

    Attributes:
        job: what it was given.
        process: the one that trains.
        file: its log.
    """

    job: Job
    process: ForkServerProcess
    file: Path

    def log(self) -> str:
        return self.file.read_text() if self.file.exists() else ""

    def finish(self) -> str:
        """Wait until it ends, check that it succeeded, and return the log."""
        self.process.join(SECONDS)
        assert self.process.exitcode == 0, self.log()
        return self.log()

    def wait_for(self, pattern: str) -> None:
        """Wait until a line of the log matches the regular expression `pattern`."""
        deadline = time.monotonic() + SECONDS
        while not re.search(pattern, self.log(), re.MULTILINE):
            assert self.process.is_alive() and time.monotonic() < deadline, self.log()
            time.sleep(POLL_SECONDS)

    def kill(self) -> None:
        """Send SIGKILL while it trains."""
        self.process.kill()
        self.process.join(SECONDS)
        assert self.process.exitcode == -signal.SIGKILL, self.log()


def start(job: Job, name: str = "training") -> Training:
    """Start the job; its log goes to `name`.log in the job's folder."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    file = job.paths.base / f"{name}.log"
    process = context.Process(target=run, args=(str(job.paths.base), str(file)), daemon=True)
    # The fork server starts with the first training, and has only this PYTHONPATH.
    with mock.patch.dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1"):
        process.start()
    return Training(job, process, file)
