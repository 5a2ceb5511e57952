"""What every rank runs: data and model in, training with stops and resumes, results out.

As a program (`python -m training.worker`) it is one rank that the launcher started.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import Any

import datasets
import torch
import torch.distributed as dist
import transformers
from safetensors.torch import load_model
from transformers import PrinterCallback, TrainingArguments, set_seed

from contract import logs
from contract.card import Card
from contract.failures import UserError
from contract.paths import Paths
from training import arguments, base_model, checkpoints, data, fingerprint, hyperparameters, model_folder, outputs
from training import resume as resuming
from training.base_model import BaseModel
from training.causes import RankFolder, settle
from training.checkpoints import Origin
from training.collator import PaddingCollator
from training.data import Channel
from training.hyperparameters import Hyperparameters
from training.loss import ClassificationLoss
from training.metrics import compute, say
from training.order import STRATEGIES, Order
from training.stop import Agreement, InterruptionError, StopCallback, StopRequest
from training.trainer import JobTrainer, LogCallback

SHOWN = ("learning_rate", "num_train_epochs", "per_device_train_batch_size", "warmup_steps", "weight_decay", "seed")

# Named in full: as a program this module is __main__.
log = logging.getLogger("training.worker")


@dataclass(frozen=True)
class Channels:
    """The rows to train on, to choose the model by, and to judge it by."""

    train: Channel
    validation: Channel
    test: Channel | None


def main() -> None:
    """Run one rank; its cause of failure goes where the launcher looks."""
    folder = RankFolder.from_environment(os.environ)
    # One rank tells how it goes; the others only what is wrong.
    logs.configure(logs.level(os.environ) if folder.rank == 0 else "WARNING")
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
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    args = arguments.build(asked.arguments, paths.checkpoints, evaluates=True, world_size=world_size)
    if args.process_index == 0:
        arguments.explain(asked.arguments, evaluates=True)
    channels = load_channels(paths, asked, args.seed)
    base = load_base(paths, asked, channels)
    set_seed(args.seed)
    trainer, stop = make_trainer(args, asked, channels, base, request)
    train(trainer, stop, asked, args)
    deliver(paths, trainer, asked, channels, base)
    trainer.agreement.barrier()


def quiet() -> None:
    """No progress bars: their carriage returns make one endless line of a log."""
    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()


def load_channels(paths: Paths, asked: Hyperparameters, seed: int) -> Channels:
    """Channel `train`; `validation` or a part of train; `test` if it is there."""
    train = data.load(paths.channel("train"))
    folder = paths.channel("validation")
    if folder.is_dir():
        validation = same_labels(data.load(folder), train, folder.name)
    else:
        train, validation = data.split(train, asked.options.validation_fraction, seed)
        log.info(
            "no channel validation: %s rows of train are held out by a hash of their ids", f"{len(validation.rows):,}"
        )
    folder = paths.channel("test")
    test = same_labels(data.load(folder), train, folder.name) if folder.is_dir() else None
    return Channels(train, validation, test)


def same_labels(channel: Channel, train: Channel, name: str) -> Channel:
    """`channel`, if train knows all its classes."""
    if channel.card and train.card and channel.label_names != train.label_names:
        raise UserError(f"channel {name} has labels {channel.label_names}, but train has {train.label_names}")
    if channel.labels.max() >= len(train.label_names):
        raise UserError(f"channel {name} has label {channel.labels.max()}, but train has {train.label_names}")
    return channel


def load_base(paths: Paths, asked: Hyperparameters, channels: Channels) -> BaseModel:
    """The model to start from, checked against the data."""
    name = base_model.find(asked.options, paths)
    base = base_model.describe(name, asked.options.model_revision, channels.train.label_names)
    parts = [part for part in (channels.train, channels.validation, channels.test) if part is not None]
    base_model.check(base, channels.train.card, max(int(part.lengths.max()) for part in parts))
    return base


def make_trainer(
    args: TrainingArguments, asked: Hyperparameters, channels: Channels, base: BaseModel, request: StopRequest
) -> tuple[JobTrainer, StopCallback]:
    """The Trainer with its parts, and the callback that knows whether it was stopped."""
    agreement = Agreement()
    stop = StopCallback(request, agreement, asked.options.checkpoint_minutes)
    trainer = JobTrainer(
        model=base_model.load(base, asked.options.attn_implementation),
        args=args,
        order=make_order(args, channels.train),
        origin=Origin(
            fingerprint.of_rows(channels.train.lengths, channels.train.labels),
            fingerprint.of_config(base.config.to_dict()),
        ),
        agreement=agreement,
        train_dataset=channels.train.rows,
        eval_dataset=data.by_length(channels.validation),
        data_collator=PaddingCollator(
            base.config.pad_token_id or 0, asked.options.pad_to_multiple_of, base_model.position_limit(base.config)
        ),
        compute_metrics=compute,
        compute_loss_func=ClassificationLoss(args.label_smoothing_factor),
        callbacks=[stop, LogCallback()],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer, stop


def make_order(args: TrainingArguments, train: Channel) -> Order:
    if args.train_sampling_strategy not in STRATEGIES:
        raise UserError(
            f"hyperparameter train_sampling_strategy is {args.train_sampling_strategy!r}, expected one of {STRATEGIES}"
        )
    seed = args.seed if args.data_seed is None else args.data_seed
    return Order(train.lengths, args.train_batch_size * args.world_size, seed, args.train_sampling_strategy)


def train(trainer: JobTrainer, stop: StopCallback, asked: Hyperparameters, args: TrainingArguments) -> None:
    """Train from the newest checkpoint to the end.

    Raises:
        InterruptionError: a stop came first.
    """
    found = resuming.choose(
        trainer.root,
        trainer.origin,
        trainer.agreement,
        wanted=asked.options.resume,
        first_on_host=trainer.is_local_process_zero(),
        first=trainer.is_world_process_zero(),
    )
    # Each rank draws its own dropout; a resumed one gets its random state from the checkpoint.
    torch.manual_seed(args.seed + args.process_index)
    if found is not None:
        log.info("resuming from %s", found.folder.name)
        trainer.resumed_from = found.step
    trainer.train(resume_from_checkpoint=str(found.folder) if found else None)
    if stop.stopped:
        raise InterruptionError(trainer.state.global_step)


def deliver(paths: Paths, trainer: JobTrainer, asked: Hyperparameters, channels: Channels, base: BaseModel) -> None:
    """Judge the best weights; the first rank writes the model, the metrics and the log lines."""
    step = load_best(trainer) if asked.options.load_best_model_at_end else trainer.state.global_step
    metrics = trainer.evaluate(metric_key_prefix="eval")
    if channels.test is not None:
        metrics |= trainer.evaluate(data.by_length(channels.test), metric_key_prefix="test")
    speed = trainer.speed()
    metrics |= speed
    if trainer.is_world_process_zero():
        say(speed)
        write_results(
            paths, trainer, metrics, step, base, model_folder.card_of(channels.train, base, trainer.args.seed)
        )


def write_results(
    paths: Paths, trainer: JobTrainer, metrics: dict[str, float], step: int, base: BaseModel, card: Card
) -> None:
    outputs.write(paths.output_data, metrics, trainer.state.log_history)
    shown: dict[str, Any] = {name: getattr(trainer.args, name) for name in SHOWN}
    result = model_folder.Result(
        step, trainer.state.global_step, metrics, shown, trainer.args.world_size, trainer.resumed_from
    )
    model = trainer.accelerator.unwrap_model(trainer.model)
    model_folder.write(paths.model, model, base, card, result)


def load_best(trainer: JobTrainer) -> int:
    """Put the weights of the best evaluation into the model on all ranks. Returns their step."""
    state = trainer.state
    best = state.best_global_step
    if not best or best == state.global_step:
        return state.global_step
    model = trainer.accelerator.unwrap_model(trainer.model)
    folder = trainer.root / f"{checkpoints.PREFIX}{best}"
    if trainer.is_world_process_zero():
        log.info(
            "the best evaluation was at step %d (%s = %s)", best, trainer.args.metric_for_best_model, state.best_metric
        )
        load_model(model, folder / "model.safetensors")
    if trainer.args.world_size > 1:
        # Other hosts may not have the folder.
        for tensor in model.state_dict().values():
            dist.broadcast(tensor, src=0)
    return best


if __name__ == "__main__":
    main()
