"""main() that sagemaker-training calls: one process here, or several through torch.distributed.elastic.

One process is run here; several, on one host or many, by training.ranks.
"""

from __future__ import annotations

import logging
import os

from sagemaker_training.errors import ClientError

from contract import logs
from contract.failures import UserError, cut, log_failure, reason
from contract.hosts import Hosts
from contract.paths import Paths
from training import hyperparameters
from training.hyperparameters import Hyperparameters
from training.options import TrainingOptions

log = logging.getLogger(__name__)


def main() -> None:
    """Run the job.

    Raises:
        ClientError: the job failed; its text alone becomes the failure reason. The toolkit puts
            a traceback there for every other exception, and takes SystemExit for success.
    """
    logs.configure(logs.level(os.environ))
    paths = Paths.from_environment(os.environ)
    # Where the folder is missing the toolkit cannot write the reason, and then exits with status 0.
    paths.failure.parent.mkdir(parents=True, exist_ok=True)
    try:
        launch(paths)
    except Exception as error:
        raise ClientError(cut(settled(error))) from None


def launch(paths: Paths) -> None:
    """One process here, or `processes_per_host` on each host."""
    asked = hyperparameters.read(paths.hyperparameters)
    hosts = Hosts.read(paths.training_resource_config)
    processes = process_count(asked.options)
    log.info("host %d of %d, %d processes on each", hosts.index + 1, hosts.count, processes)
    if processes * hosts.count == 1:
        run_here(paths, asked)
        return
    from training import ranks

    ranks.run(processes, hosts, asked.options.master_port, asked.options.grace_period)


def process_count(options: TrainingOptions) -> int:
    """As asked, else one a GPU, else one."""
    import torch

    if options.processes_per_host is None:
        return max(torch.cuda.device_count(), 1)
    if options.processes_per_host < 1:
        raise UserError(f"hyperparameter processes_per_host is {options.processes_per_host}, expected at least 1")
    return options.processes_per_host


def run_here(paths: Paths, asked: Hyperparameters) -> None:
    """Train in this process: it is the one that SIGTERM reaches."""
    from training.stop import StopRequest
    from training.worker import run

    request = StopRequest()
    request.install()
    run(paths, asked, request)


def settled(error: Exception) -> str:
    """The reason for `error`, logged unless it is no news."""
    from training.causes import explain
    from training.ranks import RankError
    from training.stop import InterruptionError

    if isinstance(error, (InterruptionError, RankError)):
        return str(error)
    explained = explain(error)
    log_failure(explained)
    return reason(explained)
