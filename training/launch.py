"""main() that sagemaker-training calls: one process here, or several through torch.distributed.elastic.

One process is run here; several, on one host or many, by training.distributed.elastic. As a program
(`python -m training.launch`) it does the same on a machine without sagemaker-training.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping

from contract import logs
from contract.cuda import refuse_unusable_gpu
from contract.failures import EXIT_BUG, EXIT_OK, EXIT_USER_ERROR, UserError, cut, log_failure, reason, write_reason
from contract.hosts import Hosts
from contract.machine import threads
from contract.paths import Paths
from training import hyperparameter_checks, hyperparameters, user_script
from training.hyperparameters import Hyperparameters
from training.model import model_archive
from training.options import MODEL_CHANNEL
from training.sagemaker_toolkit import refuse_pipe_mode

# Named in full: as a program this module is __main__.
log = logging.getLogger("training.launch")


def main() -> None:
    """Run the job.

    Raises:
        ClientError: the job failed; its text alone becomes the failure reason. The toolkit puts
            a traceback there for every other exception, and takes SystemExit for success.
    """
    logs.configure()
    paths = Paths.from_environment(os.environ)
    # Where the folder is missing the toolkit cannot write the reason, and then exits with status 0.
    paths.failure.parent.mkdir(parents=True, exist_ok=True)
    try:
        logs.configure(logs.configured_level(os.environ))
        launch(paths)
    except Exception as error:
        # Imported late: a machine that is no container of ours may lack the toolkit.
        from sagemaker_training.errors import ClientError

        raise ClientError(cut(settled(error))) from None


def without_toolkit() -> int:
    """Run the job and write the failure reason as the toolkit does. Returns the exit status."""
    logs.configure()
    paths = Paths.from_environment(os.environ)
    try:
        logs.configure(logs.configured_level(os.environ))
        launch(paths)
    except Exception as error:
        write_reason(paths.failure, settled(error))
        return EXIT_USER_ERROR if isinstance(error, UserError) else EXIT_BUG
    return EXIT_OK


def launch(paths: Paths) -> None:
    """The team's own script where there is one; else one process here, or `processes_per_host` on each host."""
    given = hyperparameters.read_values(paths.hyperparameters)
    if user_script.is_requested(given, os.environ):
        user_script.run(given)
        return
    for name in user_script.launchers(given):
        log.info("%s is set, but not needed: the image starts a process for each GPU of each host itself", name)
    parsed = hyperparameters.parse(given)
    hyperparameter_checks.check(parsed)
    refuse_pipe_mode(paths)
    if not parsed.arguments.get("use_cpu"):
        refuse_unusable_gpu("the hyperparameter use_cpu=true", os.environ)
    model_archive.unpack_once(parsed.options.model_name or str(paths.channel(MODEL_CHANNEL)))
    hosts = Hosts.read(paths.training_resource_config)
    processes = process_count(parsed)
    log.info("host %d of %d, processes on each: %d", hosts.index + 1, hosts.count, processes)
    if processes * hosts.count == 1:
        run_here(paths, parsed)
        return
    from training.distributed import elastic

    elastic.run(processes, hosts, parsed.options.master_port, parsed.options.grace_period)


def process_count(given: Hyperparameters) -> int:
    """Processes on this host: processes_per_host, by default one for each GPU, or one on CPUs.

    Raises:
        UserError: processes_per_host is more than there are GPUs.
    """
    import torch

    gpus = 0 if given.arguments.get("use_cpu") else torch.cuda.device_count()
    count = given.options.processes_per_host
    if count is None:
        return max(gpus, 1)
    if 0 < gpus < count:
        raise UserError(
            f"hyperparameter processes_per_host is {count}, expected from 1 to {gpus}, the GPUs of this host"
        )
    if count < gpus:
        log.warning("processes_per_host = %d: %d of the %d GPUs of this host are not used", count, gpus - count, gpus)
    return count


def run_here(paths: Paths, parsed: Hyperparameters) -> None:
    """Train in this process: it is the one that SIGTERM reaches."""
    from training.distributed.stopping import StopRequest
    from training.worker import run

    keep_to_quota(os.environ)
    request = StopRequest()
    request.install()
    run(paths, parsed, request)


def keep_to_quota(environ: Mapping[str, str]) -> None:
    """Have PyTorch start no more threads than the container's quota of processors, unless OMP_NUM_THREADS is set."""
    import torch

    if "OMP_NUM_THREADS" not in environ and threads() < torch.get_num_threads():
        torch.set_num_threads(threads())


def settled(error: Exception) -> str:
    """The reason for `error`, logged unless it is no news."""
    if isinstance(error, UserError):
        log_failure(error)
        return reason(error)
    try:
        # Imported late: PyTorch takes seconds, which a script that was stopped may not have.
        from training.distributed.elastic import RankError
        from training.distributed.rank_failures import explain
        from training.distributed.stopping import InterruptionError
    except Exception:
        # What failed may be that very import, and an exception of this function would become a traceback in the reason.
        log_failure(error)
        return reason(error)
    if isinstance(error, (InterruptionError, RankError)):
        return str(error)
    explained = explain(error)
    log_failure(explained)
    return reason(explained)


if __name__ == "__main__":
    sys.exit(without_toolkit())
