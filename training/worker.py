"""What every rank runs: loads data and model, builds Trainer, resumes, trains, delivers or stops.

As a program (`python -m training.worker`) it is one rank that the launcher started.
"""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable
from functools import partial

import datasets
import torch
import torch.distributed as dist
import transformers

from contract import logs
from contract.paths import Paths
from contract.processes import end_with_parent
from training import arguments, hyperparameters, preparation, tracking
from training.checkpointing.store import Checkpoint
from training.distributed.rank_failures import RankFolder, settle
from training.distributed.stopping import InterruptionError, StopRequest
from training.divergence import DivergenceError
from training.hyperparameters import Hyperparameters
from training.results import delivery
from training.run import TrainingRun

# transformers' name for where its TensorBoard files go.
TENSORBOARD_VARIABLE = "TENSORBOARD_LOGGING_DIR"

# Named in full: as a program this module is __main__.
log = logging.getLogger("training.worker")


def main() -> None:
    """Run one rank; its cause of failure goes where the launcher looks."""
    folder = RankFolder.from_environment(os.environ)
    # One rank tells how it goes; the others only what is wrong.
    logs.configure(logs.configured_level(os.environ) if folder.rank == 0 else "WARNING")
    paths = Paths.from_environment(os.environ)
    # A rank whose launcher is gone would wait for its peers, or train on where nobody waits for it.
    end_with_parent()
    with settle(folder):
        request = StopRequest(folder.stop_file)
        request.install()
        leave_together(partial(run, paths, hyperparameters.read(paths.hyperparameters), request))


def leave_together(task: Callable[[], None]) -> None:
    """Run `task`, at whose end all ranks meet, and destroy the process groups.

    Threads of gloo that still run when the interpreter ends abort a rank now and then (SIGABRT), and the job of a model
    that was delivered would fail. They end with the last reference to their group. After an error that is no stop
    the groups are left as they are: destroying them may wait for an operation that no peer takes part in.

    Raises:
        InterruptionError: the job was stopped.
    """
    stopped = None
    try:
        task()
    except InterruptionError as stop:
        # The traceback of the one that was caught refers to Trainer, and so to the groups.
        stopped = InterruptionError(stop.step)
    if dist.is_initialized():
        # Trainer and its callbacks refer to each other.
        gc.collect()
        dist.destroy_process_group()
    if stopped is not None:
        raise stopped


def run(paths: Paths, parsed: Hyperparameters, request: StopRequest) -> None:
    """Train, judge and deliver, as one rank of however many there are.

    Raises:
        UserError: the caller's mistake.
        InterruptionError: the job was stopped, and a checkpoint was saved.
    """
    quiet()
    os.environ.setdefault(TENSORBOARD_VARIABLE, str(paths.tensorboard))
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    args = arguments.build(parsed.arguments, paths.checkpoints, evaluates=True, world_size=world_size)
    if args.process_index == 0:
        arguments.explain(parsed.arguments, evaluates=True)
    this, found, stop = preparation.prepare(paths, parsed, args, request)
    # Each rank draws its own dropout; a resumed one gets its random state from the checkpoint.
    torch.manual_seed(args.seed + args.process_index)
    with tracking.ended(this.tracker):
        train(this, found)
        if stop.stopped:
            delivery.interrupt(this, request.seconds_left(parsed.options.grace_period))
        delivery.deliver(this)
    this.trainer.agreement.barrier()


def train(this: TrainingRun, found: Checkpoint | None) -> None:
    """Train to the end, or to where the training diverges, if what it has by then is to be delivered."""
    try:
        this.trainer.train_from(found)
    except DivergenceError as error:
        if this.hyperparameters.options.on_divergence == "fail":
            raise
        this.trainer.give_up(error)


def quiet() -> None:
    """No progress bars: their carriage returns make one endless line of a log."""
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()


if __name__ == "__main__":
    main()
