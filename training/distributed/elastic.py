"""Several ranks by torch.distributed.elastic (torchrun): rendezvous, threads a rank, SIGTERM, first failure.

The agent runs in a thread: in the main thread it would handle SIGTERM itself, and kill the ranks after
30 s in torch versions that have no option for it. So the main thread handles SIGTERM, and passes it on to the ranks.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from contract.hosts import Hosts
from contract.machine import threads
from training.distributed.rank_failures import FOLDER_VARIABLE, RankFolder
from training.distributed.stopping import StopRequest

MEETING_SECONDS = 900
WORKER = "training.worker"

log = logging.getLogger(__name__)


class RankError(Exception):
    """A rank failed and has logged why: its cause in one sentence."""


def run(processes: int, hosts: Hosts, port: int, grace: float, program: str = WORKER) -> None:
    """Run `program` in `processes` processes on this host, together with the other hosts.

    Args:
        processes: on each host.
        hosts: of the job; the first is where all meet.
        port: on the first host.
        grace: seconds between SIGTERM and the end of the ranks by force.
        program: module that a rank runs.

    Raises:
        RankError: with the cause of the rank that failed first.
    """
    with tempfile.TemporaryDirectory(prefix="ranks-") as name:
        folder = RankFolder(Path(name))
        os.environ[FOLDER_VARIABLE] = name
        os.environ.update(thread_share(processes, os.environ))
        watch_for_stop(folder, grace)
        agent = elastic_launch(config(processes, hosts, port), sys.executable)
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="agent") as thread:
            try:
                thread.submit(agent, "-m", program).result()
            except ChildFailedError as error:
                raise RankError(first_cause(folder, error)) from None


def config(processes: int, hosts: Hosts, port: int) -> LaunchConfig:
    """One attempt, no restarts: SageMaker restarts jobs, and checkpoints carry over."""
    common: dict[str, Any] = {"nproc_per_node": processes, "max_restarts": 0, "run_id": "job"}
    if hosts.count == 1:
        # The loopback address: a container's own name does not always resolve.
        return LaunchConfig(
            min_nodes=1, max_nodes=1, rdzv_backend="c10d", rdzv_endpoint="127.0.0.1:0", local_addr="127.0.0.1", **common
        )
    return LaunchConfig(
        min_nodes=hosts.count,
        max_nodes=hosts.count,
        rdzv_backend="static",
        rdzv_endpoint=f"{hosts.names[0]}:{port}",
        rdzv_configs={"rank": hosts.index, "timeout": MEETING_SECONDS},
        **common,
    )


def thread_share(processes: int, environ: Mapping[str, str]) -> dict[str, str]:
    """OMP_NUM_THREADS so that the processes share the cores instead of fighting for them."""
    if "OMP_NUM_THREADS" in environ:
        return {}
    return {"OMP_NUM_THREADS": str(max(threads() // processes, 1))}


def watch_for_stop(folder: RankFolder, grace: float) -> None:
    """On SIGTERM tell the ranks, and end them by force once the grace period is over."""

    def force() -> None:
        log.error("the ranks did not stop within %.0f s and are killed", grace)
        for child in psutil.Process().children(recursive=True):
            child.kill()

    def stop(_number: int, _frame: object) -> None:
        StopRequest(folder.stop_file).ask()
        timer = threading.Timer(grace, force)
        timer.daemon = True
        timer.start()

    signal.signal(signal.SIGTERM, stop)


def first_cause(folder: RankFolder, error: ChildFailedError) -> str:
    """What the first failing rank said, or what killed it.

    A rank that was killed says nothing, but its peers fail a moment later because of it, so a
    rank found dead by a signal comes before whatever the others say. SIGABRT comes after: it is how
    a communication library ends a rank whose peer is gone.
    """
    signals = {rank: -failure.exitcode for rank, failure in sorted(error.failures.items()) if failure.exitcode < 0}
    cause = folder.first()
    for rank, number in signals.items():
        if number != signal.SIGTERM and (number != signal.SIGABRT or cause is None):
            return killed(failure_rank(rank, error.failures[rank]), signal.Signals(number))
    if cause is None:
        rank, failure = error.get_first_failure()
        return f"rank {rank} ended with exit status {failure.exitcode} and left no reason"
    if cause.is_echo:
        return f"rank {cause.rank} lost its connection to a rank of another host, which says why it failed"
    return cause.text


def killed(rank: int, by: signal.Signals) -> str:
    hint = ""
    if by == signal.SIGKILL:
        hint = (
            ", which is how a machine out of memory ends a process: expected an instance with more memory, "
            "a smaller train_batch_size or fewer dataloader_num_workers"
        )
    return f"rank {rank} was killed by {by.name}{hint}"


def failure_rank(rank: int, failure: Any) -> int:
    return rank if rank is not None else failure.local_rank
