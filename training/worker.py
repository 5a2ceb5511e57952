"""What every rank runs: loads data and model, builds Trainer, resumes, trains, delivers or stops.

As a program (`python -m training.worker`) it is one rank that the launcher started.
"""

from __future__ import annotations

import logging
import os
from typing import Any

import datasets
import torch
import transformers
from transformers import PreTrainedModel, PrinterCallback, TrainerCallback, TrainingArguments, set_seed

from contract import logs
from contract.failures import UserError
from contract.paths import Paths
from training import arguments, hyperparameters
from training.callbacks import LogCallback, PatienceCallback
from training.checkpointing import hyperparameter_history, model_state
from training.checkpointing import resume as resuming
from training.checkpointing.store import Checkpoint, Origin
from training.data import fingerprint
from training.data.channel import Channel, Channels, by_length
from training.data.channels import load as load_channels
from training.data.collator import PaddingCollator
from training.data.sampler import STRATEGIES, Order
from training.distributed.collectives import Agreement
from training.distributed.rank_failures import RankFolder, settle
from training.distributed.stopping import StopCallback, StopRequest
from training.divergence import DivergenceError
from training.evaluation.predictions import Judge
from training.hyperparameters import Hyperparameters
from training.model import base_model, lora
from training.model.base_model import BaseModel
from training.model.loss import ClassificationLoss, balanced
from training.results import delivery
from training.run import TrainingRun
from training.trainer import JobTrainer

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
    with settle(folder):
        request = StopRequest(folder.stop_file)
        request.install()
        run(paths, hyperparameters.read(paths.hyperparameters), request)


def run(paths: Paths, asked: Hyperparameters, request: StopRequest) -> None:
    """Train, judge and deliver, as one rank of however many there are.

    Raises:
        UserError: the caller's mistake.
        InterruptionError: a stop was asked for; a checkpoint was saved.
    """
    quiet()
    os.environ.setdefault(TENSORBOARD_VARIABLE, str(paths.tensorboard))
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    args = arguments.build(asked.arguments, paths.checkpoints, evaluates=True, world_size=world_size)
    if args.process_index == 0:
        arguments.explain(asked.arguments, evaluates=True)
    base = load_base(paths, asked)
    channels = load_channels(paths, asked.options, base, args.seed)
    fit(base, channels)
    adaptation = lora.wanted(asked.options)
    refuse_together(args, adaptation)
    in_force = hyperparameter_history.in_force(args, asked.options)
    # The head of the model is drawn at random.
    set_seed(args.seed)
    model = load_model(base, asked)
    origin = make_origin(args, channels, base, adaptation)
    agreement, fitting = Agreement(), model_state.shapes(model)
    found = resuming.choose(
        paths.checkpoints,
        origin,
        agreement,
        wanted=asked.options.resume,
        first_on_host=args.local_process_index == 0,
        first=args.process_index == 0,
        problem_of=lambda folder: model_state.mismatch(folder, fitting),
    )
    order = make_order(args, channels.train, resuming.rows_per_step(args, found))
    stop = make_stop(request, agreement, asked)
    parts = {
        "model": model,
        "order": order,
        "origin": origin,
        "agreement": agreement,
        "in_force": in_force,
        "non_finite": stop.non_finite,
        "callbacks": make_callbacks(stop, asked),
    }
    trainer = make_trainer(args, asked, channels, base, parts)
    # Each rank draws its own dropout; a resumed one gets its random state from the checkpoint.
    torch.manual_seed(args.seed + args.process_index)
    train(trainer, found, asked)
    this = TrainingRun(paths, asked, channels, base, trainer)
    if stop.stopped:
        delivery.interrupt(this, request.seconds_left(asked.options.grace_period))
    delivery.deliver(this)
    agreement.barrier()


def train(trainer: JobTrainer, found: Checkpoint | None, asked: Hyperparameters) -> None:
    """Train to the end, or to where the training diverges, if what it has by then is to be delivered."""
    try:
        trainer.train_from(found)
    except DivergenceError as error:
        if asked.options.on_divergence == "fail":
            raise
        trainer.give_up(error)


def make_origin(
    args: TrainingArguments, channels: Channels, base: BaseModel, adaptation: dict[str, Any] | None
) -> Origin:
    """What this job's checkpoints belong to; each host's first rank alone holds it against theirs."""
    if args.local_process_index:
        return Origin("", "", "")
    config = base.config.to_dict() | ({"lora": adaptation} if adaptation else {})
    return Origin(
        channels.train.fingerprint,
        channels.validation.fingerprint,
        fingerprint.of_model(config, base_model.weight_files(base)),
    )


def make_stop(request: StopRequest, agreement: Agreement, asked: Hyperparameters) -> StopCallback:
    """What stops the training: SIGTERM, or a loss that is no number any more.

    Raises:
        UserError: a number of steps below 1.
    """
    steps = asked.options.max_nonfinite_steps
    if steps < 1:
        raise UserError(f"hyperparameter max_nonfinite_steps is {steps}, expected at least 1")
    return StopCallback(request, agreement, asked.options.checkpoint_minutes, max_non_finite=steps)


def quiet() -> None:
    """No progress bars: their carriage returns make one endless line of a log."""
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()


def load_base(paths: Paths, asked: Hyperparameters) -> BaseModel:
    """The model to start from, its classes not yet named."""
    return base_model.describe(base_model.find(asked.options, paths), asked.options.model_revision)


def fit(base: BaseModel, channels: Channels) -> None:
    """Give the model the data's classes, and refuse it where it does not suit the data."""
    base_model.name_classes(base, channels.train.label_names)
    base_model.agree_on_padding(base)
    longest = max(int(channel.lengths.max()) for channel in channels.all)
    if longest > channels.max_length:
        raise UserError(
            f"rows have up to {longest} tokens, but max_length is {channels.max_length}: the delivered model would "
            f"read less of a text than it was trained on; expected rows cut to {channels.max_length} tokens"
        )
    base_model.check(base, channels.train.card, max(longest, channels.max_length))


def refuse_together(args: TrainingArguments, adaptation: dict[str, Any] | None) -> None:
    """Raises UserError: LoRA and a sharded model, which would have to be whole to be merged."""
    if adaptation and (args.fsdp or args.deepspeed):
        raise UserError("hyperparameters lora_r and fsdp or deepspeed are both set, expected one of them")


def load_model(base: BaseModel, asked: Hyperparameters) -> PreTrainedModel:
    """The model to train, with layers of low rank where they are asked for."""
    model = base_model.load(base, asked.options.attn_implementation)
    adaptation = lora.wanted(asked.options)
    if adaptation:
        lora.adapt(model, adaptation)
    return model


def make_order(args: TrainingArguments, train: Channel, rows: int) -> Order:
    """The order of the rows of `train`, so many to a step."""
    if args.train_sampling_strategy not in STRATEGIES:
        raise UserError(
            f"hyperparameter train_sampling_strategy is {args.train_sampling_strategy!r}, expected one of {STRATEGIES}"
        )
    seed = args.seed if args.data_seed is None else args.data_seed
    return Order(train.lengths, rows, seed, args.train_sampling_strategy)


def make_loss(args: TrainingArguments, asked: Hyperparameters, train: Channel) -> ClassificationLoss:
    is_balanced = asked.options.class_weights == "balanced"
    return ClassificationLoss(
        args.label_smoothing_factor, balanced(train.labels, len(train.label_names)) if is_balanced else None
    )


def make_callbacks(stop: StopCallback, asked: Hyperparameters) -> list[TrainerCallback]:
    patience = asked.options.early_stopping_patience
    return [stop, LogCallback(), *([] if patience is None else [PatienceCallback(patience)])]


def make_trainer(
    args: TrainingArguments, asked: Hyperparameters, channels: Channels, base: BaseModel, parts: dict[str, Any]
) -> JobTrainer:
    """The Trainer of this job; `parts` are arguments that it is made with too."""
    loss = make_loss(args, asked, channels.train)
    trainer = JobTrainer(
        args=args,
        tokens=arguments.micro_batch_tokens(asked.options.tokens_per_batch, args),
        train_dataset=channels.train.rows,
        eval_dataset=by_length(channels.validation),
        data_collator=PaddingCollator(
            base.config.pad_token_id, asked.options.pad_to_multiple_of, base_model.position_limit(base.config)
        ),
        compute_metrics=Judge(loss),
        compute_loss_func=loss,
        **parts,
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


if __name__ == "__main__":
    main()
